// Where hash maps get their elements from: numbered places of equal size, handed out one at a time.
//
// Theory of operation. Places are numbered from 1. Nothing is linked or touched at the start: a mark rises
// over the places as they are first used, in small batches, one batch to a shard. Each virtual CPU has a
// shard (and user space one more) with the rest of its batch and a list of elements that were given back,
// under a lock that is as good as never contended; a shard that has nothing takes from the others, so that
// all `capacity` places can be had from every CPU. Beside these, each shard owns one spare place, which an
// update of an existing entry swaps with the old element: replacing works in a full map.
//
// Whoever gives an element back must have made sure that readers without a lock notice
// (MapLock::invalidate_readers, and the lock released) before.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bpf/map/lock.h"

namespace netkit::bpf {

// The start of every element. `next` is also the link of the free list.
struct ElementHead {
  std::atomic<std::uint32_t> next;  // kLinked | number of the next element, 0 at the end
  std::atomic<std::uint32_t> hash;
};
inline constexpr std::uint32_t kLinked = 1U << 31;  // in a bucket, not free; numbers stay below it
constexpr std::uint32_t linked_number(std::uint32_t link) {
  return link & ~kLinked;
}

struct PoolGeometry {
  std::uint64_t shared;    // offset of PoolShared
  std::uint64_t shards;    // offset of PoolShard 0
  std::uint64_t elements;  // offset of element 0, which is never used
  std::uint32_t element_size;
  std::uint32_t capacity;
  std::uint32_t shard_count;
};

// The hand moves only when all places are used.
struct alignas(64) PoolShared {
  std::atomic<std::uint64_t> clock_hand;  // of LRU types: candidates for eviction so far
  std::atomic<std::uint32_t> used;        // places 1..used have been given to shards
};

struct alignas(64) PoolShard {
  std::atomic<std::uint32_t> lock;
  std::atomic<std::uint32_t> free;   // the first element that was given back
  std::atomic<std::uint32_t> fresh;  // fresh..fresh_end - 1 were never used
  std::atomic<std::uint32_t> fresh_end;
  std::atomic<std::uint32_t> spare;  // 0 while an update has it in hand
};

inline ElementHead& pool_element(std::byte* base, const PoolGeometry& pool, std::uint32_t number) {
  return *reinterpret_cast<ElementHead*>(base + pool.elements + std::uint64_t{number} * pool.element_size);
}
inline PoolShared& pool_shared(std::byte* base, const PoolGeometry& pool) {
  return *reinterpret_cast<PoolShared*>(base + pool.shared);
}
inline PoolShard& pool_shard(std::byte* base, const PoolGeometry& pool, std::uint32_t shard) {
  return *reinterpret_cast<PoolShard*>(base + pool.shards + shard * sizeof(PoolShard));
}

// At the creation of a map, whose region is zero.
inline void pool_start(std::byte* base, const PoolGeometry& pool) {
  for (std::uint32_t shard = 0; shard < pool.shard_count; ++shard) {
    pool_shard(base, pool, shard).spare.store(pool.capacity + 1 + shard, std::memory_order_relaxed);
  }
}

// Places of a pool, spares included.
constexpr std::uint32_t pool_places(const PoolGeometry& pool) {
  return pool.capacity + pool.shard_count;
}

namespace detail {

// Gives the shard, whose lock is held, its next batch of places that were never used.
inline void refill_shard(std::byte* base, const PoolGeometry& pool, PoolShard& shard) {
  constexpr std::uint32_t kBatch = 16;
  std::atomic<std::uint32_t>& used = pool_shared(base, pool).used;
  std::uint32_t first = used.load(std::memory_order_relaxed);
  std::uint32_t count = 0;
  do {
    count = std::min(kBatch, pool.capacity - first);
    if (count == 0) return;
  } while (!used.compare_exchange_weak(first, first + count, std::memory_order_relaxed));
  shard.fresh.store(first + 1, std::memory_order_relaxed);
  shard.fresh_end.store(first + 1 + count, std::memory_order_relaxed);
}

inline bool shard_is_empty(const PoolShard& shard) {
  return shard.free.load(std::memory_order_relaxed) == 0 &&
         shard.fresh.load(std::memory_order_relaxed) == shard.fresh_end.load(std::memory_order_relaxed);
}

// From a shard whose lock is held; 0: it has none.
inline std::uint32_t take_from_shard(std::byte* base, const PoolGeometry& pool, PoolShard& shard) {
  if (const std::uint32_t free = shard.free.load(std::memory_order_relaxed); free != 0) {
    shard.free.store(pool_element(base, pool, free).next.load(std::memory_order_relaxed),
                     std::memory_order_relaxed);
    return free;
  }
  const std::uint32_t fresh = shard.fresh.load(std::memory_order_relaxed);
  if (fresh == shard.fresh_end.load(std::memory_order_relaxed)) return 0;
  shard.fresh.store(fresh + 1, std::memory_order_relaxed);
  return fresh;
}

}  // namespace detail

// An element of one's own, unlinked, its content as it was left; 0: all are in use.
inline std::uint32_t pool_take(std::byte* base, const PoolGeometry& pool, std::uint32_t own_shard) {
  {
    PoolShard& shard = pool_shard(base, pool, own_shard);
    const MapLock lock(shard.lock);
    if (detail::shard_is_empty(shard)) detail::refill_shard(base, pool, shard);
    if (const std::uint32_t element = detail::take_from_shard(base, pool, shard); element != 0)
      return element;
  }
  for (std::uint32_t distance = 1; distance < pool.shard_count; ++distance) {
    PoolShard& shard = pool_shard(base, pool, (own_shard + distance) % pool.shard_count);
    if (detail::shard_is_empty(shard)) continue;
    const MapLock lock(shard.lock);
    if (const std::uint32_t element = detail::take_from_shard(base, pool, shard); element != 0)
      return element;
  }
  return 0;
}

// Gives an element back, to any shard.
inline void pool_give(std::byte* base, const PoolGeometry& pool, std::uint32_t to_shard,
                      std::uint32_t element) {
  PoolShard& shard = pool_shard(base, pool, to_shard);
  const MapLock lock(shard.lock);
  pool_element(base, pool, element)
      .next.store(shard.free.load(std::memory_order_relaxed), std::memory_order_release);
  shard.free.store(element, std::memory_order_relaxed);
}

// An element for an update that replaces another: the shard's spare, unless another thread works as the same
// CPU.
inline std::uint32_t pool_take_spare(std::byte* base, const PoolGeometry& pool, std::uint32_t shard) {
  const std::uint32_t spare = pool_shard(base, pool, shard).spare.exchange(0, std::memory_order_acquire);
  return spare != 0 ? spare : pool_take(base, pool, shard);
}

// The element that was replaced becomes the spare.
inline void pool_give_spare(std::byte* base, const PoolGeometry& pool, std::uint32_t shard,
                            std::uint32_t element) {
  std::uint32_t none = 0;
  if (!pool_shard(base, pool, shard)
           .spare.compare_exchange_strong(none, element, std::memory_order_release)) {
    pool_give(base, pool, shard, element);
  }
}

}  // namespace netkit::bpf
