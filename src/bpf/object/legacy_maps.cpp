#include "bpf/object/legacy_maps.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace netkit::bpf {
namespace {

// struct bpf_elf_map of iproute2; struct bpf_map_def is its first five fields.
struct RawMap {
  std::uint32_t type = 0;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t flags = 0;
  std::uint32_t id = 0;
  std::uint32_t pinning = 0;
  std::uint32_t inner_id = 0;
  std::int32_t inner_index = 0;
};
constexpr std::size_t kSmallest = 5 * sizeof(std::uint32_t);

struct LegacyMap {
  PlacedMap placed;
  RawMap raw;
};

Failure malformed(std::string_view what) {
  return fail(
      EINVAL,
      fmt::format("section 'maps': {}; define maps with struct bpf_map_def or, better, in SEC(\".maps\")",
                  what));
}

Result<LegacyMap> read_one(const ElfSymbol& symbol, std::span<const std::byte> bytes) {
  LegacyMap map;
  std::memcpy(&map.raw, bytes.data(), std::min(bytes.size(), sizeof map.raw));
  const auto rest = bytes.subspan(std::min(bytes.size(), sizeof map.raw));
  if (std::ranges::any_of(rest, [](std::byte byte) { return byte != std::byte{0}; }))
    return malformed(fmt::format("map '{}' has a field behind the known {} bytes that is not zero",
                                 symbol.name, sizeof map.raw));
  map.placed.offset = symbol.value;
  map.placed.size = bytes.size();
  MapDefinition& definition = map.placed.definition;
  definition.spec = {.name = std::string(symbol.name),
                     .type = static_cast<MapType>(map.raw.type),
                     .key_size = map.raw.key_size,
                     .value_size = map.raw.value_size,
                     .max_entries = map.raw.max_entries,
                     .flags = map.raw.flags};
  definition.id = map.raw.id;
  definition.pinning = map.raw.pinning;
  apply_map_defaults(definition.spec);
  return map;
}

// iproute2: a map of maps has as template the map whose id is its inner id; a map with that id goes into the
// slot that its inner index says.
Result<> join_inner_maps(std::vector<LegacyMap>& maps, std::uint32_t first) {
  for (LegacyMap& outer : maps) {
    if (!is_map_of_maps(outer.placed.definition.spec.type) || outer.raw.inner_id == 0) continue;
    MapDefinition& definition = outer.placed.definition;
    for (std::uint32_t i = 0; i < maps.size(); ++i) {
      const LegacyMap& inner = maps[i];
      if (inner.raw.id != outer.raw.inner_id || &inner == &outer) continue;
      if (!definition.inner) definition.inner = inner.placed.definition.spec;
      if (inner.raw.inner_index >= 0)
        definition.values.push_back(
            {.slot = static_cast<std::uint32_t>(inner.raw.inner_index), .target = MapTarget{first + i}});
    }
    if (!definition.inner)
      return malformed(fmt::format("map '{}' wants inner maps like the one with id {}, which is not there",
                                   definition.spec.name, outer.raw.inner_id));
  }
  return {};
}

}  // namespace

Result<std::vector<PlacedMap>> read_legacy_maps(const ElfFile& elf, std::uint32_t section,
                                                std::uint32_t first) {
  const ElfSection& content = elf.sections[section];
  std::vector<const ElfSymbol*> symbols;
  for (const ElfSymbol& symbol : elf.symbols)
    if (symbol.section == section && (symbol.type == STT_OBJECT || symbol.type == STT_NOTYPE) &&
        !symbol.name.empty())
      symbols.push_back(&symbol);
  if (symbols.empty()) return malformed("no symbol names a map");
  if (content.content.size() % symbols.size() != 0)
    return malformed(fmt::format("{} bytes cannot be divided evenly among {} maps", content.content.size(),
                                 symbols.size()));
  const std::size_t bytes = content.content.size() / symbols.size();
  if (bytes < kSmallest)
    return malformed(fmt::format("a definition has {} bytes, {} are needed", bytes, kSmallest));
  std::ranges::sort(symbols, {}, &ElfSymbol::value);

  std::vector<LegacyMap> maps;
  for (const ElfSymbol* symbol : symbols) {
    if (symbol->value % bytes != 0 || symbol->value > content.content.size() - bytes)
      return malformed(fmt::format("map '{}' begins at byte {}, definitions have {} bytes", symbol->name,
                                   symbol->value, bytes));
    if (!maps.empty() && maps.back().placed.offset == symbol->value)
      return malformed(fmt::format("maps '{}' and '{}' are the same definition",
                                   maps.back().placed.definition.spec.name, symbol->name));
    maps.push_back(TRY(read_one(*symbol, content.content.subspan(symbol->value, bytes))));
  }
  TRY(join_inner_maps(maps, first));
  std::vector<PlacedMap> placed;
  for (LegacyMap& map : maps) {
    map.placed.section = section;
    placed.push_back(std::move(map.placed));
  }
  return placed;
}

}  // namespace netkit::bpf
