// ARRAY_OF_MAPS and HASH_OF_MAPS: only user space changes them; what programs find are inner maps, which live
// until a grace period after they were taken out.
#include <fmt/format.h>

#include <cstring>

#include "bpf/map/create.h"
#include "bpf/map/fd_array.h"
#include "bpf/map/hash_map.h"
#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

// bpf_map_meta_equal, array_map_meta_equal
bool matches(const MapSpec& inner, const MapSpec& wanted) {
  if (inner.type != wanted.type || inner.key_size != wanted.key_size ||
      inner.value_size != wanted.value_size || inner.flags != wanted.flags || inner.fields != wanted.fields)
    return false;
  const bool size_counts = wanted.type == MapType::kArray || wanted.type == MapType::kPercpuArray;
  return !size_counts || (wanted.flags & kInnerMap) != 0 || inner.max_entries == wanted.max_entries;
}

// bpf_map_fd_get_ptr: the map with that id, if it is like the template.
Result<MapRef> inner_map(const MapSpec& outer, std::uint32_t id) {
  MapRef map = MapTable::instance().find(id);
  if (map == nullptr) return fail(EBADF, fmt::format("map '{}': no map has the id {}", outer.name, id));
  if (!matches(map->spec(), *outer.inner)) {
    return fail(EINVAL,
                fmt::format("map '{}' is not like the inner map that '{}' was made for: type, key_size, "
                            "value_size, flags (and max_entries of arrays without INNER_MAP) must be equal",
                            map->spec().name, outer.name));
  }
  return map;
}

std::int64_t refuse_update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) {
  return -EINVAL;
}
std::int64_t refuse_erase(Map&, const void*) {
  return -EINVAL;
}

class ArrayOfMaps final : public FdArray<Map> {
 public:
  ArrayOfMaps(const MapSpec& spec, MapMemory memory, ReferenceSlots<Map> inner)
      : FdArray(spec, kOperations, std::move(memory), std::move(inner)) {}

 private:
  static void* lookup(Map& map, const void* key, std::uint32_t) {
    return static_cast<ArrayOfMaps&>(map).find(array_index(key));
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = refuse_update, .erase = refuse_erase};

  Result<MapRef> object_for(std::uint32_t id) override { return inner_map(spec(), id); }
};

// The value of an entry is the id of its inner map, the element's number its slot.
class HashOfMaps final : public HashMap {
 public:
  HashOfMaps(const MapSpec& spec, HashParts parts, ReferenceSlots<Map> inner)
      : HashMap(spec, std::move(parts.memory), parts.geometry, kOperations), inner_(std::move(inner)) {}

 private:
  static void* lookup(Map& map, const void* key, std::uint32_t) {
    auto& self = static_cast<HashOfMaps&>(map);
    for (std::uint32_t element = self.find(bytes(key)); element != 0; element = self.find(bytes(key))) {
      // Null: another element has taken this one's place meanwhile.
      if (Map* inner = self.inner_.read(element); inner != nullptr) return inner;
    }
    return nullptr;
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = refuse_update, .erase = refuse_erase};

  std::uint32_t find(const std::byte* key) const {
    return hash_find(base(), geometry(), key, hash_key(key, geometry().key_size, geometry().seed));
  }

  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    MapRef inner = TRY(inner_map(spec(), array_index(value)));
    const std::lock_guard lock(user_mutex());
    const std::uint32_t before = find(key);
    const auto write = [&](std::uint32_t element, bool) {
      copy_to_shared(element_value(base(), geometry(), element, 0), value, sizeof(std::uint32_t));
      inner_.replace(element, std::move(inner));
    };
    TRY(answer(hash_update(base(), geometry(), key, flags, possible_cpus(), write)));
    if (before != 0) inner_.replace(before, nullptr);
    return {};
  }
  Result<> user_delete(const std::byte* key) override {
    const std::lock_guard lock(user_mutex());
    return HashMap::user_delete(key);
  }
  Result<> user_read_batch(MapBatch& batch, std::uint64_t flags) override {
    const std::lock_guard lock(user_mutex());
    return HashMap::user_read_batch(batch, flags);
  }
  Result<> user_take(const std::byte* key, std::byte* value, std::uint64_t flags) override {
    return Map::user_take(key, value, flags);
  }
  void element_gone(std::uint32_t element) override { inner_.replace(element, nullptr); }

  ReferenceSlots<Map> inner_;
};

}  // namespace

Result<MapRef> make_array_of_maps(const MapSpec& spec) {
  ZeroedMemory inner = TRY(ReferenceSlots<Map>::memory_for(spec.max_entries));
  return std::make_shared<ArrayOfMaps>(spec, TRY(MapMemory::create(spec, fd_array_size(spec))),
                                       ReferenceSlots<Map>(std::move(inner)));
}

Result<MapRef> make_hash_of_maps(const MapSpec& spec) {
  HashParts parts = TRY(make_hash_parts(spec));
  ZeroedMemory inner =
      TRY(ReferenceSlots<Map>::memory_for(std::uint64_t{pool_places(parts.geometry.pool)} + 1));
  return std::make_shared<HashOfMaps>(spec, std::move(parts), ReferenceSlots<Map>(std::move(inner)));
}

}  // namespace netkit::bpf
