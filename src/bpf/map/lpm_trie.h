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

// A key as programs and user space write it: struct bpf_lpm_trie_key, the length in host order.
struct LpmKey {
  explicit LpmKey(const void* key)
      : length(load_unaligned<std::uint32_t>(key)),
        data(static_cast<const std::byte*>(key) + sizeof length) {}
  std::uint32_t length;
  const std::byte* data;
};

inline bool lpm_length_is_valid(const LpmGeometry& trie, const LpmKey& key) {
  return key.length <= trie.data_size * 8;
}

// The bit of `data` that comes after `length` bits.
inline std::uint32_t lpm_bit(const std::byte* data, std::uint32_t length) {
  return std::to_integer<std::uint32_t>(data[length / 8]) >> (7 - length % 8) & 1;
}

// How many of the first `limit` bits of a stored key and of `data` are the same.
inline std::uint32_t lpm_common_bits(const LpmGeometry& trie, const std::byte* stored, const std::byte* data,
                                     std::uint32_t limit) {
  for (std::uint32_t at = 0; at * 8 < limit; at += 8) {
    const std::uint64_t differ = stored_word(stored, at) ^ key_word(data + at, trie.data_size - at);
    if (differ == 0) continue;
    const auto same = static_cast<std::uint32_t>(std::countl_zero(Be64::from_raw(differ).host()));
    return std::min(at * 8 + same, limit);
  }
  return limit;
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
    const std::uint32_t matched =
        lpm_common_bits(trie, lpm_data(node), key.data, std::min(length, key.length));
    const LpmLink next =
        length < key.length ? node.child[lpm_bit(key.data, length)].load(std::memory_order_acquire) : 0;
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
  const LpmKey key(key_bytes);
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
