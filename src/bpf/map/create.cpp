#include "bpf/map/create.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

struct MapTypeRow {
  MapType type;
  Result<> (*check)(const MapSpec&);
  Result<MapRef> (*make)(const MapSpec&);
};

constexpr std::array kMapTypes = {
    MapTypeRow{MapType::kArray, check_array, make_array},
    MapTypeRow{MapType::kPercpuArray, check_array, make_array},
    MapTypeRow{MapType::kProgArray, check_prog_array, make_prog_array},
    MapTypeRow{MapType::kHash, check_hash, make_hash},
    MapTypeRow{MapType::kPercpuHash, check_hash, make_hash},
    MapTypeRow{MapType::kLruHash, check_hash, make_hash},
    MapTypeRow{MapType::kLruPercpuHash, check_hash, make_hash},
    MapTypeRow{MapType::kLpmTrie, check_lpm_trie, make_lpm_trie},
};

// Null: not supported.
const MapTypeRow* find_row(MapType type) {
  const auto* row = std::ranges::find(kMapTypes, type, &MapTypeRow::type);
  return row == kMapTypes.end() ? nullptr : row;
}

std::string type_name(MapType type) {
  const std::string_view name = map_type_name(type);
  return name.empty() ? fmt::format("type {}", static_cast<std::uint32_t>(type)) : std::string(name);
}

Failure refused(const MapSpec& spec, std::string_view why) {
  return fail(EINVAL, fmt::format("map '{}' ({}): {}", spec.name, type_name(spec.type), why));
}

}  // namespace

Result<> check_map(const MapSpec& spec) {
  if (spec.extra != 0) return refused(spec, "map_extra must be 0 for this type");
  if ((spec.flags & kRdonly) != 0 && (spec.flags & kWronly) != 0) {
    return refused(spec, "RDONLY and WRONLY exclude each other");
  }
  const auto* row = find_row(spec.type);
  if (row == nullptr) return refused(spec, "this map type is not supported");
  return row->check(spec);
}

bool is_supported(MapType type) {
  return find_row(type) != nullptr;
}

// Flags that are about a descriptor leave no trace (bpf_map_flags_retain_permanent).
Result<MapRef> create_map(const MapSpec& spec) {
  TRY(check_map(spec));
  MapSpec permanent = spec;
  permanent.flags &= ~(kRdonly | kWronly);
  return MapTable::instance().publish(TRY(find_row(spec.type)->make(permanent)));
}

}  // namespace netkit::bpf
