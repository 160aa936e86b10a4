#include "bpf/map/create.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>

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
    MapTypeRow{MapType::kArrayOfMaps, check_map_of_maps, make_array_of_maps},
    MapTypeRow{MapType::kHashOfMaps, check_map_of_maps, make_hash_of_maps},
    MapTypeRow{MapType::kPerfEventArray, check_prog_array, make_perf_event_array},
    MapTypeRow{MapType::kCgroupArray, check_prog_array, make_cgroup_array},
    MapTypeRow{MapType::kRingbuf, check_ringbuf, make_ringbuf},
    MapTypeRow{MapType::kQueue, check_queue, make_queue},
    MapTypeRow{MapType::kStack, check_queue, make_queue},
    MapTypeRow{MapType::kBloomFilter, check_bloom_filter, make_bloom_filter},
    MapTypeRow{MapType::kDevmap, check_device_map, make_slot_table},
    MapTypeRow{MapType::kDevmapHash, check_device_map, make_devmap_hash},
    MapTypeRow{MapType::kCpumap, check_device_map, make_slot_table},
    MapTypeRow{MapType::kSockmap, check_socket_map, make_socket_map},
    MapTypeRow{MapType::kSockhash, check_socket_map, make_socket_map},
    MapTypeRow{MapType::kXskmap, check_socket_map, make_socket_map},
    MapTypeRow{MapType::kSkStorage, check_sk_storage, make_socket_map},
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

// bpf_map_meta_alloc. Maps of maps have one level; PROG_ARRAY belongs to one kind of programs, which a
// template can't tell.
Result<> check_inner(const MapSpec& spec) {
  if (!is_map_of_maps(spec.type)) return {};
  if (spec.inner == nullptr)
    return refused(spec, "needs a template that its inner maps are like (inner_map_fd)");
  if (is_map_of_maps(spec.inner->type)) return refused(spec, "inner maps cannot be maps of maps");
  if (spec.inner->type == MapType::kProgArray)
    return fail(kENOTSUPP, fmt::format("map '{}': inner maps cannot be of type prog_array", spec.name));
  return {};
}

}  // namespace

ValueFields value_fields(const MapSpec& spec) {
  ValueFields fields;
  if (const auto* lock = spec.find_field(FieldKind::kSpinLock)) fields.lock = lock->offset;
  if (const auto* timer = spec.find_field(FieldKind::kTimer)) fields.timer = timer->offset;
  return fields;
}

std::uint64_t hash_seed(const MapSpec& spec) {
  if ((spec.flags & kZeroSeed) != 0) return 0;
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

Result<> check_map(const MapSpec& spec) {
  if (spec.extra != 0 && spec.type != MapType::kBloomFilter)
    return refused(spec, "map_extra must be 0 for this type");
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
  TRY(check_fields(spec));
  TRY(check_inner(spec));
  MapSpec permanent = spec;
  permanent.flags &= ~(kRdonly | kWronly);
  return MapTable::instance().publish(TRY(find_row(spec.type)->make(permanent)));
}

}  // namespace netkit::bpf
