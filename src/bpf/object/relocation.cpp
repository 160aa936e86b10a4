#include "bpf/object/relocation.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "base/endian.h"

namespace netkit::bpf {
namespace {

constexpr std::int64_t kInsnBytes = sizeof(Insn);

constexpr std::uint64_t place_key(std::uint32_t section, std::uint64_t offset) {
  return std::uint64_t{section} << 32 | offset;
}

Failure misfit(std::string_view section, std::uint64_t offset, std::string_view what) {
  return fail(EINVAL, fmt::format("section '{}': relocation at byte {} {}; compile the file again", section,
                                  offset, what));
}

// A relocation of a call must lead to a function or an extern function.
Target callable(Target target, std::string_view symbol) {
  if (std::holds_alternative<MapTarget>(target) || std::holds_alternative<DataTarget>(target))
    return UnusableTarget{fmt::format("a call of '{}', which is no function", symbol)};
  return target;
}

// One relocation of a code section.
Result<Relocation> read_one(const ElfFile& elf, const ElfRelocation& raw, const CodeSection& code,
                            const TargetResolver& resolver) {
  if (raw.offset % sizeof(Insn) != 0 || raw.offset / sizeof(Insn) >= code.insns.size())
    return misfit(code.name, raw.offset, "lies on no instruction");
  const auto at = static_cast<std::uint32_t>(raw.offset / sizeof(Insn));
  const Insn& insn = code.insns[at];
  const ElfSymbol& symbol = elf.symbols[raw.symbol];
  switch (raw.type) {
    case kReloc64:
      if (insn.opcode != kLdImm64 || at + 1 >= code.insns.size())
        return misfit(code.name, raw.offset, "is for a 64-bit load, which is not there");
      return Relocation{at, resolver.resolve(symbol, insn.imm)};
    case kReloc32:
      if (insn.opcode != kCallImm || insn.src == kCallHelper)
        return misfit(code.name, raw.offset, "is for a function call, which is not there");
      // The operand counts instructions from the one behind the call: -1 for a symbol of its own.
      return Relocation{
          at, callable(resolver.resolve(symbol, (std::int64_t{insn.imm} + 1) * kInsnBytes), symbol.name)};
    default:
      return misfit(code.name, raw.offset, fmt::format("is of type {}, which has no meaning here", raw.type));
  }
}

}  // namespace

TargetResolver::TargetResolver(const ElfFile& elf, const std::vector<SectionRole>& roles,
                               const ObjectContents& contents, const std::vector<PlacedMap>& maps)
    : elf_(elf), roles_(roles), contents_(contents) {
  for (std::uint32_t i = 0; i < contents.functions.size(); ++i)
    functions_.try_emplace(place_key(contents.functions[i].section, contents.functions[i].first), i);
  for (std::uint32_t i = 0; i < maps.size(); ++i)
    maps_.try_emplace(place_key(maps[i].section, maps[i].offset), i);
  for (std::uint32_t i = 0; i < contents.externs.size(); ++i)
    externs_.try_emplace(contents.externs[i].name, i);
}

Target TargetResolver::resolve(const ElfSymbol& symbol, std::int64_t addend) const {
  if (symbol.section == SHN_UNDEF) {
    const auto found = externs_.find(symbol.name);
    if (found != externs_.end()) return ExternTarget{found->second};
    return UnusableTarget{fmt::format("symbol '{}', which is defined nowhere", symbol.name)};
  }
  if (symbol.section >= roles_.size())
    return UnusableTarget{fmt::format("symbol '{}', which lies in no section", symbol.name)};

  const SectionRole role = roles_[symbol.section];
  // Wraps for hostile values only; each look-up below then fails.
  const auto offset = static_cast<std::int64_t>(symbol.value + static_cast<std::uint64_t>(addend));
  switch (role.use) {
    case SectionUse::kCode:
      if (offset % kInsnBytes != 0) break;
      return function_at(role.index, offset / kInsnBytes);
    case SectionUse::kData:
      return data_at(role.index, offset);
    case SectionUse::kMaps:
      return map_at(symbol.section, offset);
    case SectionUse::kOther:
      break;
  }
  return UnusableTarget{fmt::format("symbol '{}' in section '{}', which holds nothing that programs can use",
                                    symbol.name, elf_.sections[symbol.section].name)};
}

Target TargetResolver::function_at(std::uint32_t code_section, std::int64_t insn) const {
  if (insn >= 0 && insn < static_cast<std::int64_t>(contents_.code[code_section].insns.size())) {
    const auto found = functions_.find(place_key(code_section, static_cast<std::uint64_t>(insn)));
    if (found != functions_.end()) return FunctionTarget{found->second};
  }
  return UnusableTarget{fmt::format("instruction {} of section '{}', where no function begins", insn,
                                    contents_.code[code_section].name)};
}

Target TargetResolver::data_at(std::uint32_t data_section, std::int64_t offset) const {
  const DataSection& data = contents_.data[data_section];
  if (offset >= 0 && offset < data.size) return DataTarget{data_section, static_cast<std::uint32_t>(offset)};
  return UnusableTarget{
      fmt::format("byte {} of section '{}', which has {} bytes", offset, data.section, data.size)};
}

Target TargetResolver::map_at(std::uint32_t section, std::int64_t offset) const {
  const ElfSection& maps = elf_.sections[section];
  if (offset >= 0 && static_cast<std::uint64_t>(offset) < maps.size) {
    const auto found = maps_.find(place_key(section, static_cast<std::uint64_t>(offset)));
    if (found != maps_.end()) return MapTarget{found->second};
  }
  return UnusableTarget{fmt::format("byte {} of section '{}', where no map begins", offset, maps.name)};
}

Result<std::vector<Relocation>> read_code_relocations(const ElfFile& elf, const ElfSection* relocations,
                                                      std::uint32_t code_section, const CodeSection& code,
                                                      const TargetResolver& resolver) {
  std::vector<Relocation> resolved;
  if (relocations != nullptr) {
    const std::vector<ElfRelocation> entries = TRY(read_relocations(elf, *relocations));
    for (const ElfRelocation& raw : entries)
      if (raw.type != kRelocNone) resolved.push_back(TRY(read_one(elf, raw, code, resolver)));
  }
  std::ranges::sort(resolved, {}, &Relocation::insn);
  const auto twice = std::ranges::adjacent_find(resolved, {}, &Relocation::insn);
  if (twice != resolved.end()) return misfit(code.name, twice->insn * sizeof(Insn), "is there twice");

  const auto relocated = static_cast<std::ptrdiff_t>(resolved.size());
  for (std::uint32_t at = 0; at < code.insns.size(); ++at) {
    const Insn& insn = code.insns[at];
    const bool local_call = insn.opcode == kCallImm && insn.src == kCallLocal;
    if (local_call && !std::ranges::binary_search(resolved.begin(), resolved.begin() + relocated, at, {},
                                                  &Relocation::insn))
      resolved.push_back({at, resolver.function_at(code_section, std::int64_t{at} + 1 + insn.imm)});
    if (insn.opcode == kLdImm64) ++at;
  }
  std::ranges::sort(resolved, {}, &Relocation::insn);
  return resolved;
}

Result<> read_map_values(const ElfFile& elf, const ElfSection& relocations,
                         const std::vector<PlacedMap>& placed, const TargetResolver& resolver,
                         std::vector<MapDefinition>& definitions) {
  constexpr std::uint64_t kPointer = sizeof(std::uint64_t);
  const ElfSection& maps = elf.sections[relocations.info];
  // Sorted by section and offset.
  const auto before = [&](std::uint64_t offset, const PlacedMap& map) {
    return std::pair(relocations.info, offset) < std::pair(map.section, map.offset);
  };
  const std::vector<ElfRelocation> entries = TRY(read_relocations(elf, relocations));
  for (const ElfRelocation& raw : entries) {
    const auto behind = std::upper_bound(placed.begin(), placed.end(), raw.offset, before);
    if (behind == placed.begin() || std::prev(behind)->section != relocations.info)
      return misfit(maps.name, raw.offset, "lies in no map");
    const auto index = static_cast<std::size_t>(behind - placed.begin()) - 1;
    const PlacedMap& map = placed[index];
    const std::uint64_t first = map.offset + map.values_offset.value_or(0);
    const bool is_slot = map.values_offset && raw.offset >= first && (raw.offset - first) % kPointer == 0 &&
                         map.size >= kPointer && raw.offset - map.offset <= map.size - kPointer;
    if (!is_slot || (raw.type != kReloc64 && raw.type != kRelocAbs64) ||
        raw.offset + kPointer > maps.content.size())
      return misfit(maps.name, raw.offset,
                    fmt::format("is no slot of `values` of map '{}'", map.definition.spec.name));
    const auto addend = load_unaligned<std::int64_t>(maps.content.data() + raw.offset);
    definitions[index].values.push_back({.slot = static_cast<std::uint32_t>((raw.offset - first) / kPointer),
                                         .target = resolver.resolve(elf.symbols[raw.symbol], addend)});
  }
  return {};
}

}  // namespace netkit::bpf
