// ARRAY and PERCPU_ARRAY: values by number, all there from the start, all zero, changed in place.
//
// The copies of one CPU lie together (a plane), so that CPUs share no cache line, and a CPU that never runs a
// program costs no memory.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bpf/map/timer.h"
#include "bpf/map/value.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

struct ArrayGeometry {
  std::uint64_t values;      // offset of value 0 (of CPU 0)
  std::uint64_t plane_size;  // distance from one CPU's copies to the next one's; 0: not per CPU
  std::uint32_t stride;      // distance between values: round_up(value_size, 8)
  std::uint32_t value_size;
  std::uint32_t max_entries;
  ValueFields fields;
};

inline std::byte* array_value(std::byte* base, const ArrayGeometry& geometry, std::uint32_t index,
                              std::uint32_t cpu) {
  return base + geometry.values + cpu * geometry.plane_size + std::uint64_t{index} * geometry.stride;
}

inline std::uint32_t array_index(const void* key) {
  std::uint32_t index = 0;
  std::memcpy(&index, key, sizeof index);
  return index;
}

// bpf_map_lookup_elem; also map_lookup_percpu_elem. Null: no such index.
inline void* array_lookup(std::byte* base, const ArrayGeometry& geometry, const void* key,
                          std::uint32_t cpu) {
  const std::uint32_t index = array_index(key);
  return index < geometry.max_entries ? array_value(base, geometry, index, cpu) : nullptr;
}

// What an update by these flags answers before it writes anything (array_map_update_elem).
inline std::int64_t array_check_update(const ArrayGeometry& geometry, std::uint32_t index,
                                       std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kLock}) > kExist) return -EINVAL;
  if (index >= geometry.max_entries) return -E2BIG;
  if ((flags & kNoexist) != 0) return -EEXIST;
  if ((flags & kLock) != 0 && geometry.fields.lock == kNoField) return -EINVAL;
  return 0;
}

// Changes a value in place; with that goes the timer that it held (bpf_obj_free_fields).
inline void array_write(std::byte* value, const ArrayGeometry& geometry, const void* from,
                        std::uint64_t flags) {
  if ((flags & kLock) != 0) {
    copy_into_locked_value(value, from, geometry.value_size, geometry.fields);
  } else {
    copy_into_value(value, from, geometry.value_size, geometry.fields);
  }
  if (geometry.fields.timer != kNoField) free_timer(value + geometry.fields.timer);
}

// bpf_map_update_elem: changes the copy of the running CPU only.
inline std::int64_t array_update(std::byte* base, const ArrayGeometry& geometry, const void* key,
                                 const void* value, std::uint64_t flags, std::uint32_t cpu) {
  const std::uint32_t index = array_index(key);
  const std::int64_t refused = array_check_update(geometry, index, flags);
  if (refused != 0) return refused;
  array_write(array_value(base, geometry, index, cpu), geometry, value, flags);
  return 0;
}

// bpf_for_each_map_elem (bpf_for_each_array_elem).
template <class Visit>
std::int64_t array_for_each(std::byte* base, const ArrayGeometry& geometry, std::uint32_t cpu, Visit visit) {
  for (std::uint32_t index = 0; index < geometry.max_entries; ++index) {
    if (!visit(&index, array_value(base, geometry, index, cpu))) return std::int64_t{index} + 1;
  }
  return geometry.max_entries;
}

// BPF_MAP_GET_NEXT_KEY of everything that is indexed (array_map_get_next_key). `key` null: the first.
inline std::int64_t array_next_key(std::uint32_t max_entries, const void* key, void* next) {
  const std::uint32_t index = key == nullptr ? max_entries : array_index(key);
  if (index == max_entries - 1) return -ENOENT;
  const std::uint32_t after = index >= max_entries ? 0 : index + 1;
  std::memcpy(next, &after, sizeof after);
  return 0;
}

}  // namespace netkit::bpf
