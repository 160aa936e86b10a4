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

namespace detail {

template <class Word>
inline void copy_word_from_shared(std::byte* own, const std::byte* shared) {
  const Word word = shared_load<Word>(shared);
  std::memcpy(own, &word, sizeof word);
}

template <class Word>
inline void copy_word_to_shared(std::byte* shared, const std::byte* own) {
  Word word;
  std::memcpy(&word, own, sizeof word);
  shared_store(shared, word);
}

}  // namespace detail

// Copies between a shared value and memory of one's own, in the largest words that fit: an aligned value of
// 1, 2, 4 or 8 bytes is never torn.
inline void copy_from_shared(void* own, const void* shared, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(own);
  const auto* from = static_cast<const std::byte*>(shared);
  for (; bytes >= 8; bytes -= 8, to += 8, from += 8) detail::copy_word_from_shared<std::uint64_t>(to, from);
  if ((bytes & 4) != 0) {
    detail::copy_word_from_shared<std::uint32_t>(to, from);
    to += 4, from += 4;
  }
  if ((bytes & 2) != 0) {
    detail::copy_word_from_shared<std::uint16_t>(to, from);
    to += 2, from += 2;
  }
  if ((bytes & 1) != 0) detail::copy_word_from_shared<std::uint8_t>(to, from);
}

inline void copy_to_shared(void* shared, const void* own, std::size_t bytes) {
  auto* to = static_cast<std::byte*>(shared);
  const auto* from = static_cast<const std::byte*>(own);
  for (; bytes >= 8; bytes -= 8, to += 8, from += 8) detail::copy_word_to_shared<std::uint64_t>(to, from);
  if ((bytes & 4) != 0) {
    detail::copy_word_to_shared<std::uint32_t>(to, from);
    to += 4, from += 4;
  }
  if ((bytes & 2) != 0) {
    detail::copy_word_to_shared<std::uint16_t>(to, from);
    to += 2, from += 2;
  }
  if ((bytes & 1) != 0) detail::copy_word_to_shared<std::uint8_t>(to, from);
}

}  // namespace netkit::bpf
