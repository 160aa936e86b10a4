// How LRU types find room: a clock.
//
// Theory of operation. A hand goes round over all places of the pool, in the order in which they were first
// used. An entry that was looked up since the hand's last visit is spared once; the first that was not is
// evicted, and the new entry takes its place, right behind the hand: entries go in the order of their
// arrival, but for those in use. The hand spares only so many in a row, so that an insertion costs the same
// in a map of any size. Places that were deleted are used before anything is evicted; since they may lie
// anywhere before the hand, their next entry is spared once, too.
//
// The kernel keeps an active and an inactive list and evicts up to 128 entries at a time; both come near to
// the oldest, neither is exact. NO_COMMON_LRU (a list per CPU) is accepted and has the common clock.
#pragma once

#include "bpf/map/hash_chain.h"

namespace netkit::bpf {

// An entry was used. Written only if it changes, so that readers share the line.
inline void lru_touch(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  std::atomic<std::uint32_t>& referenced = lru_element(base, geometry, number).referenced;
  if (referenced.load(std::memory_order_relaxed) == 0) referenced.store(1, std::memory_order_relaxed);
}

// Gives back an element that no chain holds.
inline void hash_give(std::byte* base, const HashGeometry& geometry, std::uint32_t shard,
                      std::uint32_t number) {
  free_fields(base, geometry, number);
  if (geometry.lru != 0) lru_touch(base, geometry, number);
  pool_give(base, geometry.pool, shard, number);
}

// Takes the element out of its chain; false if it is in none any more.
inline bool lru_evict(std::byte* base, const HashGeometry& geometry, std::uint32_t number) {
  ElementHead& candidate = hash_element(base, geometry, number);
  if ((candidate.next.load(std::memory_order_relaxed) & kLinked) == 0) return false;
  HashBucket& bucket =
      hash_bucket(base, geometry, candidate.hash.load(std::memory_order_relaxed) & geometry.bucket_mask);
  MapLock lock(bucket.lock);
  const ChainPlace place = find_in_chain_if(
      base, geometry, bucket, [&](std::uint32_t at, const ElementHead&) { return at == number; });
  if (place.element == 0) return false;
  unlink_from_chain(base, geometry, place, lock);
  return true;
}

// An element for a new entry, at the cost of another one if need be. 0: every candidate was in the hands of
// another thread.
inline std::uint32_t lru_take(std::byte* base, const HashGeometry& geometry, std::uint32_t shard) {
  constexpr int kSpared = 512, kCandidates = 2048;
  if (const std::uint32_t element = pool_take(base, geometry.pool, shard); element != 0) return element;
  std::atomic<std::uint64_t>& hand = pool_shared(base, geometry.pool).clock_hand;
  for (int candidate = 0; candidate < kCandidates; ++candidate) {
    const auto number = static_cast<std::uint32_t>(1 + hand.fetch_add(1, std::memory_order_relaxed) %
                                                           pool_places(geometry.pool));
    std::atomic<std::uint32_t>& referenced = lru_element(base, geometry, number).referenced;
    if (referenced.load(std::memory_order_relaxed) != 0) {
      referenced.store(0, std::memory_order_relaxed);
      if (candidate < kSpared) continue;
    }
    if (lru_evict(base, geometry, number)) {
      free_fields(base, geometry, number);
      return number;
    }
  }
  return 0;
}

}  // namespace netkit::bpf
