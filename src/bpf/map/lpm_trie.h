// LPM_TRIE: layout and lookup. Updates are in lpm_update.h.
//
// Theory of operation. A binary trie with compressed paths: a node stands for a prefix, its children for
// longer prefixes that go on with a 0 or a 1 behind it. A node is an entry or an intermediate one, which has
// two children and no value and exists only to part them. Keys are kept as they were written, bits behind the
// prefix included, since dumps show them.
//
// Writers work under one lock. Readers take none: a link is the number of a node with the generation that the
// node had when it was linked; a node that is freed changes its generation first, so that a reader that finds
// another generation than its link's knows that what it read may be something else, and begins anew at the
// root, after a few times under the lock. Freed nodes wait in a queue until a number of others were freed
// (kQuarantine): a value that a program was given stays as it is for a while, as in the kernel until the
// grace period.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "bpf/map/lock.h"
#include "bpf/map/stored_key.h"

namespace netkit::bpf {

struct LpmGeometry {
  std::uint64_t shared;  // offset of LpmShared
  std::uint64_t nodes;   // offset of node 0, which is never used
  std::uint32_t node_size;
  std::uint32_t node_count;  // beside node 0: what updates may use
  std::uint32_t data_size;   // bytes of a key behind its prefix length
  std::uint32_t value_offset;
  std::uint32_t value_size;
  std::uint32_t max_entries;
};

using LpmLink = std::uint64_t;  // generation << 32 | number of the node; number 0: none

struct LpmNode {
  std::atomic<LpmLink> child[2];  // of a free node: [0] is the number of the next free one
  std::atomic<std::uint32_t> generation;
  std::atomic<std::uint32_t> prefix;  // length in bits | kIntermediate
  // The data of the key follows as a stored key, then the value.
};
inline constexpr std::uint32_t kIntermediate = 1U << 31;

struct alignas(64) LpmShared {
  std::atomic<LpmLink> root;
  std::atomic<std::uint32_t> lock;  // guards everything below, and all changes of nodes
  std::uint32_t entries;
  std::uint32_t used;        // nodes 1..used were handed out at some time
  std::uint32_t free_first;  // a queue: the one that was freed first
  std::uint32_t free_last;
  std::uint32_t free_count;
};

inline LpmShared& lpm_shared(std::byte* base, const LpmGeometry& trie) {
  return *reinterpret_cast<LpmShared*>(base + trie.shared);
}
inline std::uint32_t lpm_number(LpmLink link) {
  return static_cast<std::uint32_t>(link);
}
inline LpmNode& lpm_node(std::byte* base, const LpmGeometry& trie, std::uint32_t number) {
  return *reinterpret_cast<LpmNode*>(base + trie.nodes + std::uint64_t{number} * trie.node_size);
}
inline std::byte* lpm_data(LpmNode& node) {
  return reinterpret_cast<std::byte*>(&node + 1);
}
inline std::byte* lpm_value(std::byte* base, const LpmGeometry& trie, std::uint32_t number) {
  return reinterpret_cast<std::byte*>(&lpm_node(base, trie, number)) + trie.value_offset;
}

// A key as programs and user space write it: struct bpf_lpm_trie_key, the length in host order. Its first
// bits are at hand in a register: a walk compares nothing else in tries of addresses of up to 64 bits.
struct LpmKey {
  LpmKey(const void* key, const LpmGeometry& trie)
      : length(load_unaligned<std::uint32_t>(key)),
        data(static_cast<const std::byte*>(key) + sizeof length),
        first_bits(Be64::from_raw(key_word(data, trie.data_size)).host()) {}

  std::uint32_t length;
  const std::byte* data;
  std::uint64_t first_bits;  // the first of them highest
};

inline bool lpm_length_is_valid(const LpmGeometry& trie, const LpmKey& key) {
  return key.length <= trie.data_size * 8;
}

// The bit of `data` that comes after `length` bits.
inline std::uint32_t lpm_bit(const std::byte* data, std::uint32_t length) {
  return std::to_integer<std::uint32_t>(data[length / 8]) >> (7 - length % 8) & 1;
}
inline std::uint32_t lpm_bit(const LpmKey& key, std::uint32_t length) {
  return length < 64 ? static_cast<std::uint32_t>(key.first_bits >> (63 - length) & 1)
                     : lpm_bit(key.data, length);
}

inline std::uint32_t leading_equal_bits(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint32_t>(std::countl_zero(a ^ b));
}

// How many of the first `limit` bits of a stored key and of a key are the same.
inline std::uint32_t lpm_common_bits(const LpmGeometry& trie, const std::byte* stored, const LpmKey& key,
                                     std::uint32_t limit) {
  std::uint32_t same = leading_equal_bits(Be64::from_raw(stored_word(stored, 0)).host(), key.first_bits);
  for (std::uint32_t at = 8; same == at * 8 && same < limit; at += 8) {
    same += leading_equal_bits(Be64::from_raw(stored_word(stored, at)).host(),
                               Be64::from_raw(key_word(key.data + at, trie.data_size - at)).host());
  }
  return std::min(same, limit);
}

struct LpmMatch {
  bool valid;          // false: a node was used again meanwhile
  std::uint32_t node;  // of the longest prefix that holds the key; 0: none
};

// One walk from the root. Always valid for the holder of the lock.
inline LpmMatch lpm_walk(std::byte* base, const LpmGeometry& trie, const LpmKey& key) {
  std::uint32_t longest = 0;
  LpmLink link = lpm_shared(base, trie).root.load(std::memory_order_acquire);
  while (lpm_number(link) != 0) {
    LpmNode& node = lpm_node(base, trie, lpm_number(link));
    const std::uint32_t prefix = node.prefix.load(std::memory_order_acquire);
    const std::uint32_t length = prefix & ~kIntermediate;
    const std::uint32_t matched = lpm_common_bits(trie, lpm_data(node), key, std::min(length, key.length));
    const LpmLink next =
        length < key.length ? node.child[lpm_bit(key, length)].load(std::memory_order_acquire) : 0;
    if (node.generation.load(std::memory_order_acquire) != link >> 32) return {false, 0};
    if (matched < length) break;
    if ((prefix & kIntermediate) == 0) longest = lpm_number(link);
    link = next;
  }
  return {true, longest};
}

// bpf_map_lookup_elem (trie_lookup_elem): the value of the longest prefix that holds the key, null if there
// is none or the length is too large.
inline void* lpm_lookup(std::byte* base, const LpmGeometry& trie, const void* key_bytes) {
  constexpr int kAttempts = 8;
  const LpmKey key(key_bytes, trie);
  if (!lpm_length_is_valid(trie, key)) return nullptr;
  LpmMatch match{};
  for (int attempt = 0; attempt < kAttempts && !match.valid; ++attempt) match = lpm_walk(base, trie, key);
  if (!match.valid) {
    const MapLock lock(lpm_shared(base, trie).lock);
    match = lpm_walk(base, trie, key);
  }
  return match.node == 0 ? nullptr : lpm_value(base, trie, match.node);
}

}  // namespace netkit::bpf
