// DEVMAP, DEVMAP_HASH and CPUMAP: tables of what only XDP programs redirect to. User space fills them, other
// programs look entries of device maps up and can't change them (kernel/bpf/devmap.c, cpumap.c). Whether a
// device exists is not asked: ifindexes belong to a namespace that a map knows nothing of.
#include <cerrno>

#include "base/per_cpu.h"
#include "bpf/map/array.h"
#include "bpf/map/create.h"
#include "bpf/map/hash_map.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kLongestQueue = 16'384;  // of CPUMAP

// The ifindex of a DEVMAP's value, the queue size of a CPUMAP's; 0: the slot is empty.
std::uint32_t first_number(const void* value) {
  return shared_load<std::uint32_t>(value);
}

class SlotTable final : public Map {
 public:
  SlotTable(const MapSpec& spec, MapMemory memory, const ArrayGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
  }

 private:
  static void* lookup(Map& map, const void* key, std::uint32_t) {
    auto& table = static_cast<SlotTable&>(map);
    void* value = array_lookup(table.base(), table.geometry_, key, 0);
    return value == nullptr || first_number(value) == 0 ? nullptr : value;
  }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static constexpr MapOperations kOperations{.lookup = lookup, .update = update, .erase = erase};

  Result<> user_lookup(const std::byte* key, std::byte* to, std::uint64_t) override {
    const void* value = lookup(*this, key, 0);
    if (value == nullptr) return answer(-ENOENT);
    copy_from_shared(to, value, geometry_.value_size);
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* from, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    if (flags > kExist) return answer(-EINVAL);
    if (index >= geometry_.max_entries) return answer(-E2BIG);
    if (flags == kNoexist) return answer(-EEXIST);
    if (spec().type == MapType::kCpumap) {
      if (first_number(from) > kLongestQueue) return answer(-EOVERFLOW);
      if (index >= possible_cpus()) return answer(-ENODEV);
    }
    copy_to_shared(array_value(base(), geometry_, index, 0), from, geometry_.value_size);
    return {};
  }

  Result<> user_delete(const std::byte* key) override {
    const std::uint32_t index = array_index(key);
    if (index >= geometry_.max_entries) return answer(-EINVAL);
    clear_value(array_value(base(), geometry_, index, 0), geometry_.stride);
    return {};
  }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    return answer(array_next_key(geometry_.max_entries, key, next));
  }

  ArrayGeometry geometry_;
};

class DevmapHash final : public HashMap {
 public:
  DevmapHash(const MapSpec& spec, HashParts parts)
      : HashMap(spec, std::move(parts.memory), parts.geometry, kOperations) {}

 private:
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static constexpr MapOperations kOperations{.lookup = HashMap::lookup, .update = update, .erase = erase};

  // kExist is taken and means nothing (__dev_map_hash_update_elem).
  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    if (flags > kExist || first_number(value) == 0) return answer(-EINVAL);
    return HashMap::user_update(key, value, flags & kNoexist);
  }
  Result<> user_take(const std::byte* key, std::byte* value, std::uint64_t flags) override {
    return Map::user_take(key, value, flags);
  }
};

}  // namespace

Result<MapRef> make_slot_table(const MapSpec& spec) {
  RegionLayout layout;
  ArrayGeometry geometry{};
  geometry.stride = static_cast<std::uint32_t>(round_up_8(spec.value_size));
  geometry.value_size = spec.value_size;
  geometry.max_entries = spec.max_entries;
  geometry.values = layout.add(spec.max_entries, geometry.stride, kPage);
  MapSpec permanent = spec;
  if (spec.type == MapType::kDevmap) permanent.flags |= kRdonlyProg;
  return std::make_shared<SlotTable>(permanent, TRY(MapMemory::create(permanent, layout.size())), geometry);
}

Result<MapRef> make_devmap_hash(const MapSpec& spec) {
  MapSpec permanent = spec;
  permanent.flags |= kRdonlyProg;
  return std::make_shared<DevmapHash>(permanent, TRY(make_hash_parts(permanent)));
}

}  // namespace netkit::bpf
