// Builds the contents of an ObjectFile from its ELF sections and types.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/elf_file.h"
#include "bpf/object/object_file.h"
#include "bpf/object/relocation.h"

namespace netkit::bpf {

class ObjectReader {
 public:
  // `prefix` is the object's name, which begins the names of data maps. Views of the result are into `bytes`
  // and into `btf()`.
  ObjectReader(std::span<const std::byte> bytes, std::string_view prefix) : bytes_(bytes), prefix_(prefix) {}

  [[nodiscard]] Result<ObjectContents> read();
  // The types, after read(); null: the object has none.
  [[nodiscard]] std::unique_ptr<Btf> take_btf() { return std::move(btf_); }

 private:
  Result<> read_types();
  Result<> read_section(std::uint32_t index);
  Result<> read_code(std::uint32_t index);
  Result<> read_data(std::uint32_t index, DataKind kind);
  Result<> add_records();
  Result<> read_functions();
  Result<> read_variables();
  Result<> read_externs();
  Result<> place_settings(const std::unordered_map<std::string_view, std::uint32_t>& declarations);
  void read_tags();
  Result<std::vector<PlacedMap>> read_maps();
  Result<> relocate(const std::vector<PlacedMap>& maps);
  void read_license();

  std::span<const std::byte> bytes_;
  std::string_view prefix_;
  ElfFile elf_;
  std::unique_ptr<Btf> btf_;
  std::vector<SectionRole> roles_;  // by ELF section index
  ObjectContents contents_;
};

}  // namespace netkit::bpf
