// Keys as they lie in hash elements and trie nodes: words of 8 bytes, zero behind the key's end, moved by
// atomic accesses, because a reader without a lock may look at a place that is just being used again. Release
// and acquire keep them on their side of the sequence or generation by which the reader finds that out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/endian.h"

namespace netkit::bpf {

// The next word of a key of which `left` bytes remain, zero behind its end.
inline std::uint64_t key_word(const std::byte* key, std::uint32_t left) {
  if (left >= 8) return load_unaligned<std::uint64_t>(key);
  if (left == 4) return load_unaligned<std::uint32_t>(key);
  std::uint64_t word = 0;
  std::memcpy(&word, key, left);
  return word;
}

inline std::uint64_t stored_word(const std::byte* stored, std::uint32_t offset) {
  return __atomic_load_n(reinterpret_cast<const std::uint64_t*>(stored + offset), __ATOMIC_ACQUIRE);
}

inline bool key_equals(const std::byte* stored, const std::byte* key, std::uint32_t size) {
  for (std::uint32_t at = 0; at < size; at += 8) {
    if (stored_word(stored, at) != key_word(key + at, size - at)) return false;
  }
  return true;
}

inline void store_key(std::byte* stored, const std::byte* key, std::uint32_t size) {
  for (std::uint32_t at = 0; at < size; at += 8) {
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(stored + at), key_word(key + at, size - at),
                     __ATOMIC_RELEASE);
  }
}

}  // namespace netkit::bpf
