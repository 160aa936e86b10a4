// The hash of keys: 64-bit multiplications folded to their halves, seeded per map so that nobody who chooses
// the keys can choose the buckets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/endian.h"

namespace netkit::bpf {

namespace detail {

// Odd constants with as many ones as zeroes.
inline constexpr std::uint64_t kHashA = 0x9e3779b97f4a7c15U;
inline constexpr std::uint64_t kHashB = 0xd1b54a32d192ed03U;

inline std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace detail

// `size` is at least 1. Never depends on the key's alignment.
inline std::uint32_t hash_key(const std::byte* key, std::uint32_t size, std::uint64_t seed) {
  using detail::fold_multiply;
  const auto* at = reinterpret_cast<const std::uint8_t*>(key);
  const std::uint64_t secret = seed ^ detail::kHashA;
  std::uint64_t state = seed + size * detail::kHashB;
  std::uint32_t left = size;
  for (; left > 16; left -= 16, at += 16) {
    state = fold_multiply(load_unaligned<std::uint64_t>(at) ^ secret,
                          load_unaligned<std::uint64_t>(at + 8) ^ state);
  }
  std::uint64_t low = 0, high = 0;  // the last 1 to 16 bytes; short ones overlap
  if (left >= 8) {
    low = load_unaligned<std::uint64_t>(at);
    high = load_unaligned<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    low = load_unaligned<std::uint32_t>(at);
    high = load_unaligned<std::uint32_t>(at + left - 4);
  } else {
    low = std::uint64_t{at[0]} << 16 | std::uint64_t{at[left / 2]} << 8 | at[left - 1];
  }
  const std::uint64_t mixed =
      fold_multiply(fold_multiply(low ^ secret, high ^ state), detail::kHashB ^ secret);
  return static_cast<std::uint32_t>(mixed ^ mixed >> 32);
}

}  // namespace netkit::bpf
