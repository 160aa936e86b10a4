// BLOOM_FILTER: a set that can say "no" for certain and "yes" only probably (kernel/bpf/bloom_filter.c): one
// bitmap, of which each value sets as many bits as there are hash functions.
#pragma once

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "bpf/map/hash_function.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

struct BloomGeometry {
  std::uint64_t bits;  // offset of the bitmap
  std::uint64_t seed;
  std::uint32_t bit_mask;  // the number of bits is a power of two
  std::uint32_t hashes;
  std::uint32_t value_size;
};

namespace detail {

// Visits the word and the bit in it of each hash of the value, until `visit` returns false.
template <class Visit>
void for_each_bloom_bit(std::byte* base, const BloomGeometry& geometry, const void* value, Visit visit) {
  auto* words = reinterpret_cast<std::atomic<std::uint64_t>*>(base + geometry.bits);
  for (std::uint32_t i = 0; i < geometry.hashes; ++i) {
    const std::uint32_t bit =
        hash_key(static_cast<const std::byte*>(value), geometry.value_size, geometry.seed + i) &
        geometry.bit_mask;
    if (!visit(words[bit / 64], std::uint64_t{1} << bit % 64)) return;
  }
}

}  // namespace detail

// bpf_map_push_elem. -EINVAL: any flag.
inline std::int64_t bloom_push(std::byte* base, const BloomGeometry& geometry, const void* value,
                               std::uint64_t flags) {
  if (flags != kAny) return -EINVAL;
  detail::for_each_bloom_bit(base, geometry, value, [](std::atomic<std::uint64_t>& word, std::uint64_t bit) {
    word.fetch_or(bit, std::memory_order_relaxed);
    return true;
  });
  return 0;
}

// bpf_map_peek_elem: 0: the value may be in the set; -ENOENT: it is not.
inline std::int64_t bloom_peek(std::byte* base, const BloomGeometry& geometry, const void* value) {
  bool found = true;
  detail::for_each_bloom_bit(base, geometry, value, [&](std::atomic<std::uint64_t>& word, std::uint64_t bit) {
    found = (word.load(std::memory_order_relaxed) & bit) != 0;
    return found;
  });
  return found ? 0 : -ENOENT;
}

// The size of the bitmap for so many entries (bloom_map_alloc): entries * hashes / ln 2, at least a word.
[[nodiscard]] constexpr std::uint64_t bloom_bits(std::uint32_t max_entries, std::uint32_t hashes) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  const std::uint64_t wanted = std::uint64_t{max_entries} * hashes * 7 / 5;
  if (wanted > kMost / 2) return kMost;
  return wanted <= 64 ? 64 : std::bit_ceil(wanted);
}

}  // namespace netkit::bpf
