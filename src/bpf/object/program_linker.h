// One program as an image: its own instructions and behind them those of every function it reaches.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/object/image.h"
#include "bpf/object/link.h"
#include "bpf/object/link_maps.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// Links one program; make a new one for the next. Functions follow the program in the order in which a walk
// through its calls and function pointers, depth first, comes to them (libbpf's bpf_object__reloc_code).
class ProgramLinker {
 public:
  // All must outlive it.
  ProgramLinker(const ObjectFile& object, const LinkOptions& options, const LinkedMaps& maps)
      : object_(object), options_(options), maps_(maps) {}

  // `function` is an index into ObjectContents::functions, of a program. ENOTSUP: it uses what is not
  // supported here; EINVAL: it refers to what it cannot use; E2BIG: too many instructions.
  [[nodiscard]] Result<std::shared_ptr<const ProgramImage>> link(std::uint32_t function,
                                                                 const ProgramOverride& change);

 private:
  struct Placed {
    std::uint32_t function = 0;  // of the object
    std::uint32_t base = 0;      // its first instruction in the image
  };

  Result<> place_reached(std::uint32_t program);
  Result<> place(std::uint32_t function);
  void append(const Placed& placed);
  Result<> relocate_core(const Placed& placed);
  Result<> patch(const Placed& placed);
  Result<> patch_map(std::uint32_t at, std::uint32_t map, const Placed& placed, const Relocation& relocation);
  Result<> patch_data(std::uint32_t at, const DataTarget& data, const Placed& placed,
                      const Relocation& relocation);
  void patch_function(std::uint32_t at, const FunctionTarget& function);
  Result<> patch_extern(std::uint32_t at, const Extern& external, const Placed& placed,
                        const Relocation& relocation);
  Result<> patch_kernel_function(std::uint32_t at, const Extern& external, const Placed& placed,
                                 const Relocation& relocation);
  void set_constant(std::uint32_t at, std::uint64_t value);
  std::int32_t kfunc_index(std::string_view name);
  void plant_poison(std::uint32_t at, std::string what);
  // Every operand that stands for a map or a function came from a relocation: numbers of the file mean
  // nothing.
  Result<> check_operands(const Placed& placed) const;
  std::int32_t map_index(const MapRef& map);
  void bind_constants();
  [[nodiscard]] std::span<const Relocation> relocations_of(std::uint32_t function) const;
  [[nodiscard]] Failure refuse(int code, const Placed& placed, std::uint32_t insn,
                               std::string_view what) const;

  const ObjectFile& object_;
  const LinkOptions& options_;
  const LinkedMaps& maps_;
  std::shared_ptr<ProgramImage> image_;
  std::vector<Placed> placed_;
  std::unordered_map<std::uint32_t, std::uint32_t> numbers_;  // function of the object -> index into placed_
  std::unordered_map<std::string_view, std::int32_t> kfunc_indices_;
};

}  // namespace netkit::bpf
