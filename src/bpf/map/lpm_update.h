// LPM_TRIE: update and delete. Every change of what readers see is one store of a link or of a prefix, of
// nodes that were complete before; lpm_trie.h says how readers notice that a node was freed.
#pragma once

#include <cerrno>

#include "bpf/map/lpm_trie.h"
#include "bpf/map/value.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

// All functions below are for the holder of the trie's lock.
namespace detail {

// So many nodes are freed after a node before it is used again.
inline constexpr std::uint32_t kQuarantine = 64;

inline std::uint32_t lpm_length(const LpmNode& node) {
  return node.prefix.load(std::memory_order_relaxed) & ~kIntermediate;
}
inline bool lpm_is_entry(const LpmNode& node) {
  return (node.prefix.load(std::memory_order_relaxed) & kIntermediate) == 0;
}

inline LpmLink lpm_link(std::byte* base, const LpmGeometry& trie, std::uint32_t number) {
  const std::uint64_t generation = lpm_node(base, trie, number).generation.load(std::memory_order_relaxed);
  return generation << 32 | number;
}

// A node of one's own, without children; 0: all are in use.
inline std::uint32_t lpm_take(std::byte* base, const LpmGeometry& trie) {
  LpmShared& shared = lpm_shared(base, trie);
  if (shared.free_count <= kQuarantine && shared.used < trie.node_count) return ++shared.used;
  if (shared.free_count == 0) return 0;
  const std::uint32_t number = shared.free_first;
  LpmNode& node = lpm_node(base, trie, number);
  shared.free_first = lpm_number(node.child[0].load(std::memory_order_relaxed));
  --shared.free_count;
  node.child[0].store(0, std::memory_order_release);
  node.child[1].store(0, std::memory_order_release);
  return number;
}

// For a node that no link names any more.
inline void lpm_free(std::byte* base, const LpmGeometry& trie, std::uint32_t number) {
  LpmShared& shared = lpm_shared(base, trie);
  LpmNode& node = lpm_node(base, trie, number);
  node.generation.store(node.generation.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  node.child[0].store(0, std::memory_order_release);
  if (shared.free_count++ == 0) {
    shared.free_first = number;
  } else {
    lpm_node(base, trie, shared.free_last).child[0].store(number, std::memory_order_relaxed);
  }
  shared.free_last = number;
}

// Where a key belongs: the slot that names its node, the node that would be its neighbour or is itself (0:
// none), and how many bits they share; for deletion also the node above and its slot.
struct LpmPlace {
  std::atomic<LpmLink>* slot;
  std::uint32_t node = 0;
  std::uint32_t matched = 0;
  std::atomic<LpmLink>* parent_slot = nullptr;
  std::uint32_t parent = 0;
};

inline LpmPlace lpm_descend(std::byte* base, const LpmGeometry& trie, const LpmKey& key) {
  LpmPlace place{&lpm_shared(base, trie).root};
  while ((place.node = lpm_number(place.slot->load(std::memory_order_relaxed))) != 0) {
    LpmNode& node = lpm_node(base, trie, place.node);
    const std::uint32_t length = lpm_length(node);
    place.matched = lpm_common_bits(trie, lpm_data(node), key, std::min(length, key.length));
    if (place.matched != length || length == key.length) break;
    place.parent = place.node;
    place.parent_slot = place.slot;
    place.slot = &node.child[lpm_bit(key, length)];
  }
  return place;
}

// Whether the node of that place stands for the very prefix of the key.
inline bool lpm_is_exact(std::byte* base, const LpmGeometry& trie, const LpmPlace& place, const LpmKey& key) {
  return place.node != 0 && place.matched == key.length &&
         lpm_length(lpm_node(base, trie, place.node)) == key.length;
}

inline void lpm_fill(LpmNode& node, const LpmGeometry& trie, std::uint32_t prefix, const std::byte* data) {
  node.prefix.store(prefix, std::memory_order_release);
  store_key(lpm_data(node), data, trie.data_size);
}

// Links a new node, complete but for its children, where it belongs. False: a second, intermediate node was
// needed and could not be had.
inline bool lpm_insert(std::byte* base, const LpmGeometry& trie, const LpmPlace& place, const LpmKey& key,
                       std::uint32_t number) {
  LpmNode& node = lpm_node(base, trie, number);
  const LpmLink link = lpm_link(base, trie, number);
  if (place.node == 0) {
    place.slot->store(link, std::memory_order_release);
    return true;
  }
  LpmNode& neighbour = lpm_node(base, trie, place.node);
  const LpmLink neighbour_link = place.slot->load(std::memory_order_relaxed);
  if (lpm_is_exact(base, trie, place, key)) {
    node.child[0].store(neighbour.child[0].load(std::memory_order_relaxed), std::memory_order_release);
    node.child[1].store(neighbour.child[1].load(std::memory_order_relaxed), std::memory_order_release);
    place.slot->store(link, std::memory_order_release);
    lpm_free(base, trie, place.node);
    return true;
  }
  if (place.matched == key.length) {
    node.child[lpm_bit(lpm_data(neighbour), place.matched)].store(neighbour_link, std::memory_order_release);
    place.slot->store(link, std::memory_order_release);
    return true;
  }
  const std::uint32_t fork_number = lpm_take(base, trie);
  if (fork_number == 0) return false;
  LpmNode& fork = lpm_node(base, trie, fork_number);
  lpm_fill(fork, trie, place.matched | kIntermediate, lpm_data(neighbour));
  const std::uint32_t side = lpm_bit(key, place.matched);
  fork.child[side].store(link, std::memory_order_release);
  fork.child[1 - side].store(neighbour_link, std::memory_order_release);
  place.slot->store(lpm_link(base, trie, fork_number), std::memory_order_release);
  return true;
}

}  // namespace detail

// bpf_map_update_elem (trie_update_elem). -EINVAL: flags or length; -EEXIST, -ENOENT by the flags; -ENOSPC:
// full; -ENOMEM: less than max_entries nodes could be reserved.
inline std::int64_t lpm_update(std::byte* base, const LpmGeometry& trie, const void* key_bytes,
                               const void* value, std::uint64_t flags) {
  const LpmKey key(key_bytes, trie);
  if (flags > kExist || !lpm_length_is_valid(trie, key)) return -EINVAL;
  LpmShared& shared = lpm_shared(base, trie);
  const MapLock lock(shared.lock);
  const detail::LpmPlace place = detail::lpm_descend(base, trie, key);
  const bool exists =
      detail::lpm_is_exact(base, trie, place, key) && detail::lpm_is_entry(lpm_node(base, trie, place.node));
  if (exists && flags == kNoexist) return -EEXIST;
  if (!exists && flags == kExist) return -ENOENT;
  if (!exists && shared.entries == trie.max_entries) return -ENOSPC;
  const std::uint32_t number = detail::lpm_take(base, trie);
  if (number == 0) return -ENOMEM;
  detail::lpm_fill(lpm_node(base, trie, number), trie, key.length, key.data);
  copy_to_shared(lpm_value(base, trie, number), value, trie.value_size);
  if (!detail::lpm_insert(base, trie, place, key, number)) {
    detail::lpm_free(base, trie, number);
    return -ENOMEM;
  }
  if (!exists) ++shared.entries;
  return 0;
}

// bpf_map_delete_elem (trie_delete_elem). -EINVAL: length; -ENOENT: no entry of this very prefix.
inline std::int64_t lpm_erase(std::byte* base, const LpmGeometry& trie, const void* key_bytes) {
  const LpmKey key(key_bytes, trie);
  if (!lpm_length_is_valid(trie, key)) return -EINVAL;
  LpmShared& shared = lpm_shared(base, trie);
  const MapLock lock(shared.lock);
  const detail::LpmPlace place = detail::lpm_descend(base, trie, key);
  if (!detail::lpm_is_exact(base, trie, place, key)) return -ENOENT;
  LpmNode& node = lpm_node(base, trie, place.node);
  if (!detail::lpm_is_entry(node)) return -ENOENT;
  --shared.entries;
  const LpmLink left = node.child[0].load(std::memory_order_relaxed);
  const LpmLink right = node.child[1].load(std::memory_order_relaxed);
  if (left != 0 && right != 0) {
    node.prefix.store(key.length | kIntermediate, std::memory_order_release);
    return 0;
  }
  // Its only child takes its place; without one, an intermediate node above has nothing left to part and goes
  // too.
  if (left == 0 && right == 0 && place.parent != 0 &&
      !detail::lpm_is_entry(lpm_node(base, trie, place.parent))) {
    LpmNode& parent = lpm_node(base, trie, place.parent);
    const bool is_left = place.slot == &parent.child[0];
    place.parent_slot->store(parent.child[is_left ? 1 : 0].load(std::memory_order_relaxed),
                             std::memory_order_release);
    detail::lpm_free(base, trie, place.parent);
  } else {
    place.slot->store(left | right, std::memory_order_release);
  }
  detail::lpm_free(base, trie, place.node);
  return 0;
}

}  // namespace netkit::bpf
