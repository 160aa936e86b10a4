// QUEUE and STACK: values in the order of their arrival, without keys (kernel/bpf/queue_stack_maps.c). A ring
// of one place more than max_entries, under one lock.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bpf/map/lock.h"
#include "bpf/map/value.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

struct QueueGeometry {
  std::uint64_t state;   // offset of QueueState
  std::uint64_t values;  // offset of place 0
  std::uint64_t places;  // max_entries + 1
  std::uint32_t stride;
  std::uint32_t value_size;
  std::uint32_t stack;  // 1: the newest value is the next
};

struct QueueState {
  std::atomic<std::uint32_t> lock;
  std::uint32_t unused;
  std::uint64_t head;  // the next place to be written
  std::uint64_t tail;  // the oldest value; head: empty
};

inline QueueState& queue_state(std::byte* base, const QueueGeometry& geometry) {
  return *reinterpret_cast<QueueState*>(base + geometry.state);
}
inline std::byte* queue_value(std::byte* base, const QueueGeometry& geometry, std::uint64_t place) {
  return base + geometry.values + place * geometry.stride;
}

// bpf_map_push_elem. -EINVAL: flags other than kAny and kExist; -E2BIG: full, and kExist is not given, with
// which the oldest value makes room.
inline std::int64_t queue_push(std::byte* base, const QueueGeometry& geometry, const void* value,
                               std::uint64_t flags) {
  if (flags != kAny && flags != kExist) return -EINVAL;
  QueueState& state = queue_state(base, geometry);
  const MapLock lock(state.lock);
  const std::uint64_t next = (state.head + 1) % geometry.places;
  if (next == state.tail) {
    if (flags != kExist) return -E2BIG;
    state.tail = (state.tail + 1) % geometry.places;
  }
  copy_to_shared(queue_value(base, geometry, state.head), value, geometry.value_size);
  state.head = next;
  return 0;
}

// bpf_map_peek_elem, and with `remove` bpf_map_pop_elem. -ENOENT: empty; the value is zeroed then.
inline std::int64_t queue_read(std::byte* base, const QueueGeometry& geometry, void* value, bool remove) {
  QueueState& state = queue_state(base, geometry);
  const MapLock lock(state.lock);
  if (state.head == state.tail) {
    std::memset(value, 0, geometry.value_size);
    return -ENOENT;
  }
  const std::uint64_t newest = (state.head + geometry.places - 1) % geometry.places;
  const std::uint64_t place = geometry.stack != 0 ? newest : state.tail;
  copy_from_shared(value, queue_value(base, geometry, place), geometry.value_size);
  if (!remove) return 0;
  if (geometry.stack != 0) {
    state.head = newest;
  } else {
    state.tail = (state.tail + 1) % geometry.places;
  }
  return 0;
}

}  // namespace netkit::bpf
