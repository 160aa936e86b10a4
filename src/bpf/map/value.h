// Values as they lie in a region. They are touched by any thread at any time: always through shared_load,
// shared_store and the copies of bpf/run/memory_access.h.
//
// A value may hold members that only helpers touch: a spin lock and a timer. Copies from outside leave them
// alone, copies to outside show zeroes (copy_map_value, check_and_init_map_value).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bpf/map/lock.h"
#include "bpf/run/memory_access.h"

namespace netkit::bpf {

// What a value occupies: the kernel pads values to 8 bytes, and so do we.
[[nodiscard]] constexpr std::uint64_t round_up_8(std::uint64_t bytes) {
  return (bytes + 7) & ~std::uint64_t{7};
}

// `value` is aligned to 8 bytes, `bytes` a multiple of 8.
inline void clear_value(void* value, std::size_t bytes) {
  auto* words = static_cast<std::uint64_t*>(value);
  for (std::size_t i = 0; i < bytes / 8; ++i) shared_store<std::uint64_t>(&words[i], 0);
}

inline constexpr std::uint32_t kNoField = ~0U;
inline constexpr std::uint32_t kLockSize = 4, kTimerSize = 16;

// Where the special members of a value are, as part of a type's geometry.
struct ValueFields {
  std::uint32_t lock = kNoField;
  std::uint32_t timer = kNoField;

  [[nodiscard]] bool none() const { return lock == kNoField && timer == kNoField; }
};

inline std::atomic<std::uint32_t>& value_lock(void* value, const ValueFields& fields) {
  return *reinterpret_cast<std::atomic<std::uint32_t>*>(static_cast<std::byte*>(value) + fields.lock);
}

namespace detail {

// Visits the parts of a value between its special members: visit(offset, bytes).
template <class Visit>
void for_each_plain_part(std::uint32_t size, const ValueFields& fields, Visit visit) {
  struct Hole {
    std::uint32_t offset, size;
  };
  Hole first{fields.lock, kLockSize}, second{fields.timer, kTimerSize};
  if (second.offset < first.offset) std::swap(first, second);
  std::uint32_t at = 0;
  for (const Hole& hole : {first, second}) {
    if (hole.offset == kNoField) break;
    visit(at, hole.offset - at);
    at = hole.offset + hole.size;
  }
  visit(at, size - at);
}

}  // namespace detail

// Into a value that is in use. `own` has the size of the value.
inline void copy_into_value(void* value, const void* own, std::uint32_t size, const ValueFields& fields) {
  if (fields.none()) return copy_to_shared(value, own, size);
  detail::for_each_plain_part(size, fields, [&](std::uint32_t at, std::uint32_t bytes) {
    copy_to_shared(static_cast<std::byte*>(value) + at, static_cast<const std::byte*>(own) + at, bytes);
  });
}

// The first content of a value: special members begin as zeroes. `value` is aligned to 8 bytes.
inline void init_value(void* value, const void* own, std::uint32_t size, const ValueFields& fields) {
  if (!fields.none()) clear_value(value, round_up_8(size));
  copy_into_value(value, own, size, fields);
}

inline void copy_from_value(void* own, const void* value, std::uint32_t size, const ValueFields& fields) {
  if (fields.none()) return copy_from_shared(own, value, size);
  std::memset(own, 0, size);
  detail::for_each_plain_part(size, fields, [&](std::uint32_t at, std::uint32_t bytes) {
    copy_from_shared(static_cast<std::byte*>(own) + at, static_cast<const std::byte*>(value) + at, bytes);
  });
}

// With BPF_F_LOCK: under the value's lock (copy_map_value_locked).
inline void copy_into_locked_value(void* value, const void* own, std::uint32_t size,
                                   const ValueFields& fields) {
  const MapLock lock(value_lock(value, fields));
  copy_into_value(value, own, size, fields);
}
inline void copy_from_locked_value(void* own, void* value, std::uint32_t size, const ValueFields& fields) {
  const MapLock lock(value_lock(value, fields));
  copy_from_value(own, value, size, fields);
}

}  // namespace netkit::bpf
