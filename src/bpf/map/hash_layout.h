// How a hash map lies in its region: buckets, elements, per-CPU planes. See hash.h for how it works.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bpf/map/element_pool.h"
#include "bpf/map/hash_function.h"
#include "bpf/map/stored_key.h"
#include "bpf/map/timer.h"
#include "bpf/map/value.h"

namespace netkit::bpf {

struct HashGeometry {
  PoolGeometry pool;
  std::uint64_t seed;
  std::uint64_t buckets;     // offset of bucket 0
  std::uint64_t occupied;    // offset of a bitmap: the pages of buckets that ever held an element
  std::uint64_t planes;      // per-CPU types: offset of CPU 0's copy of element 0's value
  std::uint64_t plane_size;  // per-CPU types: distance between the copies of two CPUs
  std::uint32_t bucket_mask;
  std::uint32_t key_size;
  std::uint32_t key_offset;  // in the element
  std::uint32_t value_size;
  std::uint32_t value_offset;  // in the element, of other types than per-CPU ones
  std::uint32_t value_stride;  // round_up(value_size, 8)
  std::uint32_t max_entries;
  std::uint32_t lru;      // 1: evicts when it is full
  std::uint32_t per_cpu;  // 1: values are in the planes
  ValueFields fields;
};

struct HashBucket {
  std::atomic<std::uint32_t> lock;   // its sequence rises when an element leaves the chain
  std::atomic<std::uint32_t> first;  // as ElementHead::next
};
inline constexpr std::uint32_t kBucketsPerPage = 4096 / sizeof(HashBucket);

// LRU types only: behind the head. Set by lookups, cleared by the clock hand (lru.h).
struct LruElementHead : ElementHead {
  std::atomic<std::uint32_t> referenced;
  std::uint32_t unused;
};

inline HashBucket& hash_bucket(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  return *reinterpret_cast<HashBucket*>(base + geometry.buckets + std::uint64_t{number} * sizeof(HashBucket));
}
// The word of the occupancy bitmap that holds the bit of a page of buckets.
inline std::atomic<std::uint64_t>& occupancy_word(std::byte* base, const HashGeometry& geometry,
                                                  std::uint32_t page) {
  return reinterpret_cast<std::atomic<std::uint64_t>*>(base + geometry.occupied)[page / 64];
}
inline ElementHead& hash_element(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  return pool_element(base, geometry.pool, number);
}
inline LruElementHead& lru_element(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  return static_cast<LruElementHead&>(hash_element(base, geometry, number));
}
inline std::byte* element_key(const HashGeometry& geometry, ElementHead& element) {
  return reinterpret_cast<std::byte*>(&element) + geometry.key_offset;
}
inline std::byte* element_value(std::byte* base, const HashGeometry& geometry, std::uint32_t number,
                                std::uint32_t cpu) {
  if (geometry.per_cpu != 0) {
    return base + geometry.planes + cpu * geometry.plane_size + std::uint64_t{number} * geometry.value_stride;
  }
  return reinterpret_cast<std::byte*>(&hash_element(base, geometry, number)) + geometry.value_offset;
}

// What goes with an element that has left its chain: the timer of its value (check_and_free_fields).
inline void free_fields(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  if (geometry.fields.timer != kNoField)
    free_timer(element_value(base, geometry, number, 0) + geometry.fields.timer);
}

}  // namespace netkit::bpf
