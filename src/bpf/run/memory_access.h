// The one way in which engines and control touch memory that several threads share (map values): relaxed
// atomic where the address is aligned, so that two of them racing is a program's business and not undefined
// behaviour of ours. Sizes are 1, 2, 4 and 8 bytes; an unaligned access may tear, as in the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netkit::bpf {

template <class T>
[[nodiscard]] inline T shared_load(const void* at) {
  if (reinterpret_cast<std::uintptr_t>(at) % sizeof(T) == 0) [[likely]] {
    return __atomic_load_n(static_cast<const T*>(at), __ATOMIC_RELAXED);
  }
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <class T>
inline void shared_store(void* at, T value) {
  if (reinterpret_cast<std::uintptr_t>(at) % sizeof(T) == 0) [[likely]] {
    __atomic_store_n(static_cast<T*>(at), value, __ATOMIC_RELAXED);
    return;
  }
  std::memcpy(at, &value, sizeof value);
}

// Copies between a shared value and memory of one's own, 8 bytes at a time where `shared` is aligned so.
inline void copy_from_shared(void* own, const void* shared, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(own);
  const auto* from = static_cast<const std::byte*>(shared);
  for (; bytes >= 8; bytes -= 8, to += 8, from += 8) {
    const auto word = shared_load<std::uint64_t>(from);
    std::memcpy(to, &word, sizeof word);
  }
  for (; bytes > 0; --bytes, ++to, ++from) *to = std::byte{shared_load<std::uint8_t>(from)};
}

inline void copy_to_shared(void* shared, const void* own, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(shared);
  const auto* from = static_cast<const std::byte*>(own);
  for (; bytes >= 8; bytes -= 8, to += 8, from += 8) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    shared_store(to, word);
  }
  for (; bytes > 0; --bytes, ++to, ++from) shared_store(to, std::to_integer<std::uint8_t>(*from));
}

}  // namespace netkit::bpf
