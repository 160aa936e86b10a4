// HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH: the operations of programs.
//
// Theory of operation. A power of two of buckets, at least as many as entries; each has a word that is lock
// and sequence, and a chain of element numbers. Elements come from a pool (element_pool.h) and hold the hash
// and the key beside the link, so that a lookup that hits touches two cache lines.
//
// Writers work under the bucket's lock. Readers take none: an element that left a chain may be used again at
// once, so a reader compares the bucket's sequence after each element; if an element has left the chain
// meanwhile, what it saw may belong to another entry and it begins anew, and after a few times takes the
// lock. It therefore never follows a foreign chain, never compares a half-written key, and never waits for
// long.
//
// An update of an existing entry puts a new element in the old one's place by one store: a reader finds the
// old or the new value, never a mix and never none. A pointer to the old value stays readable; as in the
// kernel the element may come to hold another entry while a program still looks at it. Per-CPU values, and
// with BPF_F_LOCK values that have a lock, are changed in place.
//
// Locks are taken in the order bucket, shard; eviction (lru.h) holds no lock when it begins.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bpf/map/hash_chain.h"
#include "bpf/map/lru.h"
#include "bpf/map/value.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

// The element of a key, 0 if there is none. Takes no lock as a rule.
inline std::uint32_t hash_find(std::byte* base, const HashGeometry& geometry, const std::byte* key,
                               std::uint32_t hash) {
  constexpr int kAttempts = 8;
  HashBucket& bucket = hash_bucket(base, geometry, hash & geometry.bucket_mask);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint32_t sequence = sequence_of(bucket.lock);
    std::uint32_t number = linked_number(bucket.first.load(std::memory_order_acquire));
    while (number != 0) {
      ElementHead& element = hash_element(base, geometry, number);
      const bool found = element.hash.load(std::memory_order_acquire) == hash &&
                         key_equals(element_key(geometry, element), key, geometry.key_size);
      const std::uint32_t next = linked_number(element.next.load(std::memory_order_acquire));
      if (sequence_of(bucket.lock) != sequence) break;
      if (found) return number;
      number = next;
    }
    if (number == 0) return 0;
  }
  const MapLock lock(bucket.lock);
  return find_in_chain(base, geometry, bucket, key, hash).element;
}

// bpf_map_lookup_elem: the value (per-CPU types: that CPU's copy), null if there is none.
inline void* hash_lookup(std::byte* base, const HashGeometry& geometry, const std::byte* key,
                         std::uint32_t cpu) {
  const std::uint32_t element =
      hash_find(base, geometry, key, hash_key(key, geometry.key_size, geometry.seed));
  if (element == 0) return nullptr;
  if (geometry.lru != 0) lru_touch(base, geometry, element);
  return element_value(base, geometry, element, cpu);
}

// An update in the making: the elements that it holds outside of any chain. They go back only when the
// bucket's lock has been released, and with it the readers have been told.
struct HashUpdate {
  const std::byte* key;
  std::uint32_t hash;
  std::uint64_t flags;
  std::uint32_t shard;
  std::uint32_t taken = 0;     // for a new entry
  std::uint32_t replaced = 0;  // was linked until now
};

namespace detail {

// The outcome of an attempt that lacks an element for a new entry.
inline constexpr std::int64_t kNeedsElement = 1;

template <class Write>
std::int64_t insert_first(std::byte* base, const HashGeometry& geometry, HashBucket& bucket,
                          HashUpdate& update, Write& write) {
  // Evicting takes the locks of other buckets, so LRU types do it without holding this one.
  if (update.taken == 0 && geometry.lru == 0) update.taken = pool_take(base, geometry.pool, update.shard);
  if (update.taken == 0) return kNeedsElement;
  const std::uint32_t element = std::exchange(update.taken, 0);
  fill_element(base, geometry, element, update.key, update.hash,
               bucket.first.load(std::memory_order_relaxed));
  write(element, true);
  set_link(bucket.first, element);
  mark_occupied(base, geometry, update.hash);
  return 0;
}

template <class Write>
std::int64_t replace_in_chain(std::byte* base, const HashGeometry& geometry, const ChainPlace& place,
                              MapLock& lock, HashUpdate& update, Write& write) {
  const std::uint32_t element =
      update.taken != 0 ? std::exchange(update.taken, 0) : pool_take_spare(base, geometry.pool, update.shard);
  if (element == 0) return kNeedsElement;
  fill_element(base, geometry, element, update.key, update.hash,
               hash_element(base, geometry, place.element).next.load(std::memory_order_relaxed));
  write(element, true);
  if (geometry.lru != 0) lru_touch(base, geometry, element);
  set_link(*place.link, element);
  lock.invalidate_readers();
  update.replaced = place.element;
  return 0;
}

template <class Write>
std::int64_t try_update(std::byte* base, const HashGeometry& geometry, HashUpdate& update, Write& write) {
  HashBucket& bucket = hash_bucket(base, geometry, update.hash & geometry.bucket_mask);
  MapLock lock(bucket.lock);
  const ChainPlace place = find_in_chain(base, geometry, bucket, update.key, update.hash);
  if (place.element == 0) {
    return (update.flags & kExist) != 0 ? -ENOENT : insert_first(base, geometry, bucket, update, write);
  }
  if ((update.flags & kNoexist) != 0) return -EEXIST;
  if (geometry.per_cpu == 0 && (update.flags & kLock) == 0)
    return replace_in_chain(base, geometry, place, lock, update, write);
  write(place.element, false);
  if (geometry.lru != 0) lru_touch(base, geometry, place.element);
  return 0;
}

}  // namespace detail

// bpf_map_update_elem. `write(element, is_new)` stores the value; `shard` is the CPU, or the number of CPUs
// for user space. -E2BIG: full; -ENOMEM: nothing could be evicted, or less than max_entries places could be
// reserved.
template <class Write>
std::int64_t hash_update(std::byte* base, const HashGeometry& geometry, const std::byte* key,
                         std::uint64_t flags, std::uint32_t shard, Write write) {
  if ((flags & ~std::uint64_t{kLock}) > kExist) return -EINVAL;
  if ((flags & kLock) != 0 && geometry.fields.lock == kNoField) return -EINVAL;
  HashUpdate update{key, hash_key(key, geometry.key_size, geometry.seed), flags, shard};
  std::int64_t outcome = detail::try_update(base, geometry, update, write);
  while (outcome == detail::kNeedsElement) {
    if (geometry.lru == 0) return geometry.pool.capacity < geometry.max_entries ? -ENOMEM : -E2BIG;
    update.taken = lru_take(base, geometry, shard);
    if (update.taken == 0) return -ENOMEM;
    outcome = detail::try_update(base, geometry, update, write);
  }
  if (update.taken != 0) hash_give(base, geometry, shard, update.taken);
  if (update.replaced != 0) {
    free_fields(base, geometry, update.replaced);
    pool_give_spare(base, geometry.pool, shard, update.replaced);
  }
  return outcome;
}

// bpf_map_delete_elem. `look(element)` sees the entry before it goes, under the lock.
template <class Look>
std::int64_t hash_erase(std::byte* base, const HashGeometry& geometry, const std::byte* key, Look look) {
  const std::uint32_t hash = hash_key(key, geometry.key_size, geometry.seed);
  HashBucket& bucket = hash_bucket(base, geometry, hash & geometry.bucket_mask);
  std::uint32_t erased = 0;
  {
    MapLock lock(bucket.lock);
    const ChainPlace place = find_in_chain(base, geometry, bucket, key, hash);
    if (place.element == 0) return -ENOENT;
    look(place.element);
    unlink_from_chain(base, geometry, place, lock);
    erased = place.element;
  }
  // The caller's CPU is not known here; the hash spreads what comes back over all of them.
  hash_give(base, geometry, hash % geometry.pool.shard_count, erased);
  return 0;
}
inline std::int64_t hash_erase(std::byte* base, const HashGeometry& geometry, const std::byte* key) {
  return hash_erase(base, geometry, key, [](std::uint32_t) {});
}

// bpf_for_each_map_elem (bpf_for_each_hash_elem): `visit(key, value)` may change the map, the element it is
// given included. `next_bucket(from)` is the first bucket at or behind `from` that may hold something.
template <class NextBucket, class Visit>
std::int64_t hash_for_each(std::byte* base, const HashGeometry& geometry, std::uint32_t cpu,
                           NextBucket next_bucket, Visit visit) {
  std::int64_t visited = 0;
  for (std::uint32_t at = next_bucket(0); at <= geometry.bucket_mask; at = next_bucket(at + 1)) {
    const HashBucket& bucket = hash_bucket(base, geometry, at);
    std::uint32_t number = linked_number(bucket.first.load(std::memory_order_acquire));
    while (number != 0) {
      ElementHead& element = hash_element(base, geometry, number);
      const std::uint32_t link = element.next.load(std::memory_order_acquire);
      // What was taken out meanwhile may be in another chain by now.
      if ((link & kLinked) == 0 ||
          (element.hash.load(std::memory_order_relaxed) & geometry.bucket_mask) != at)
        break;
      ++visited;
      if (!visit(element_key(geometry, element), element_value(base, geometry, number, cpu))) return visited;
      number = linked_number(link);
    }
  }
  return visited;
}

}  // namespace netkit::bpf
