// Hostile object files through everything that reads and links them. What comes out must fit together: no
// program of it may name a map, a function or an instruction that is not there.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "bpf/object/link.h"
#include "bpf/object/object_file.h"

namespace {

using namespace netkit;
using namespace netkit::bpf;

void check(bool holds) {
  if (!holds) std::abort();
}

// A map of one page, whatever it was asked to be.
class SmallMap : public Map {
 public:
  SmallMap(const MapSpec& spec, MapMemory memory) : Map(spec, kNone, std::move(memory)) {}

 private:
  static constexpr MapOperations kNone{};
  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override { return {}; }
  Result<> user_update(const std::byte*, const std::byte*, std::uint64_t) override { return {}; }
  Result<> user_delete(const std::byte*) override { return {}; }
  Result<> user_next_key(const std::byte*, std::byte*) override { return {}; }
};

Result<MapRef> make_map(const MapSpec& spec) {
  return std::make_shared<SmallMap>(spec, TRY(MapMemory::create(spec, kPage)));
}

void check_image(const ProgramImage& image) {
  check(!image.functions.empty() && image.functions[0].first == 0);
  for (const Function& function : image.functions) {
    check(function.first + function.count <= image.insns.size());
    for (std::uint32_t at = function.first; at < function.first + function.count; ++at) {
      const Insn& insn = image.insns[at];
      static_cast<void>(image.line_of(at));
      const auto operand = static_cast<std::size_t>(insn.imm);
      if (insn.opcode == kCallImm && insn.src == kCallKfunc) {
        check(operand < image.kfuncs.size());
      } else if (insn.opcode == kCallImm && insn.src != kCallHelper) {
        check(insn.src == kCallLocal && at + 1 + operand < image.insns.size());
      } else if (insn.opcode == kLdImm64) {
        if (insn.src == kMapFd || insn.src == kMapValue) check(operand < image.maps.size());
        if (insn.src == kFunction) check(operand < image.functions.size());
        check(insn.src == kImm64 || insn.src == kMapFd || insn.src == kMapValue || insn.src == kFunction);
        ++at;
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto object = ObjectFile::parse({bytes.begin(), bytes.end()}, "fuzz.bpf.o");
  if (!object) {
    check(!object.error().text.empty() && object.error().text.find('\n') == std::string::npos);
    return 0;
  }
  LinkOptions options;
  options.create = make_map;
  // One program at a time: one that is refused must not hide the next.
  for (const ObjectFunction& function : object->contents().functions) {
    if (!function.program) continue;
    options.programs = {std::string(function.name)};
    const auto linked = link(*object, options);
    if (linked)
      for (const auto& image : linked->programs) check_image(*image);
  }
  return 0;
}
