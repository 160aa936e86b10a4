// What the operands of instructions and the initial values of maps refer to, resolved from ELF relocations.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/object/elf_file.h"
#include "bpf/object/map_definition.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

enum class SectionUse : std::uint8_t { kOther, kCode, kData, kMaps };

// What became of an ELF section; `index` is into ObjectContents::code or ::data, for maps unused.
struct SectionRole {
  SectionUse use = SectionUse::kOther;
  std::uint32_t index = 0;
};

// Finds what lies at a symbol. Refers to its arguments, which must be complete and outlive it.
class TargetResolver {
 public:
  TargetResolver(const ElfFile& elf, const std::vector<SectionRole>& roles, const ObjectContents& contents,
                 const std::vector<PlacedMap>& maps);

  // `addend` bytes behind the symbol's value.
  [[nodiscard]] Target resolve(const ElfSymbol& symbol, std::int64_t addend) const;
  // The function that begins at an instruction of a code section.
  [[nodiscard]] Target function_at(std::uint32_t code_section, std::int64_t insn) const;

 private:
  [[nodiscard]] Target data_at(std::uint32_t data_section, std::int64_t offset) const;
  [[nodiscard]] Target map_at(std::uint32_t section, std::int64_t offset) const;

  const ElfFile& elf_;
  const std::vector<SectionRole>& roles_;
  const ObjectContents& contents_;
  std::unordered_map<std::uint64_t, std::uint32_t> functions_;  // code section << 32 | instruction
  std::unordered_map<std::uint64_t, std::uint32_t> maps_;       // ELF section << 32 | offset
  std::unordered_map<std::string_view, std::uint32_t> externs_;
};

// The relocations of a code section (`relocations` is its SHT_REL section, or null), and its calls within the
// section, which clang leaves without one. Sorted by instruction. EINVAL: one that fits no instruction.
[[nodiscard]] Result<std::vector<Relocation>> read_code_relocations(const ElfFile& elf,
                                                                    const ElfSection* relocations,
                                                                    std::uint32_t code_section,
                                                                    const CodeSection& code,
                                                                    const TargetResolver& resolver);

// The slots of `values` members of the maps in `.maps` (the section that `relocations` is for), put into
// definitions[i] for placed[i].
[[nodiscard]] Result<> read_map_values(const ElfFile& elf, const ElfSection& relocations,
                                       const std::vector<PlacedMap>& placed, const TargetResolver& resolver,
                                       std::vector<MapDefinition>& definitions);

}  // namespace netkit::bpf
