// The chains of a hash map's buckets, for the holder of a bucket's lock. See hash.h for how readers see them.
#pragma once

#include "bpf/map/hash_layout.h"

namespace netkit::bpf {

// Where an entry stands in its chain: the link that names it and its element, 0 if it is not there.
struct ChainPlace {
  std::atomic<std::uint32_t>* link;
  std::uint32_t element;
};

// The first element of the chain for which `wanted(number, element)` holds.
template <class Wanted>
ChainPlace find_in_chain_if(std::byte* base, const HashGeometry& geometry, HashBucket& bucket,
                            Wanted wanted) {
  std::atomic<std::uint32_t>* link = &bucket.first;
  while (true) {
    const std::uint32_t number = linked_number(link->load(std::memory_order_relaxed));
    if (number == 0) return {link, 0};
    ElementHead& element = hash_element(base, geometry, number);
    if (wanted(number, element)) return {link, number};
    link = &element.next;
  }
}

inline ChainPlace find_in_chain(std::byte* base, const HashGeometry& geometry, HashBucket& bucket,
                                const std::byte* key, std::uint32_t hash) {
  return find_in_chain_if(base, geometry, bucket, [&](std::uint32_t, ElementHead& element) {
    return element.hash.load(std::memory_order_relaxed) == hash &&
           key_equals(element_key(geometry, element), key, geometry.key_size);
  });
}

inline void set_link(std::atomic<std::uint32_t>& link, std::uint32_t number) {
  link.store(number | kLinked, std::memory_order_release);
}

// Makes an element of one's own ready to be linked in front of `next`.
inline void fill_element(std::byte* base, const HashGeometry& geometry, std::uint32_t number,
                         const std::byte* key, std::uint32_t hash, std::uint32_t next) {
  ElementHead& element = hash_element(base, geometry, number);
  element.hash.store(hash, std::memory_order_release);
  store_key(element_key(geometry, element), key, geometry.key_size);
  set_link(element.next, next);
}

// The element keeps its own link, for readers that stand on it.
inline void unlink_from_chain(std::byte* base, const HashGeometry& geometry, const ChainPlace& place,
                              MapLock& lock) {
  set_link(*place.link, hash_element(base, geometry, place.element).next.load(std::memory_order_relaxed));
  lock.invalidate_readers();
}

// Remembers for iteration that a page of buckets is in use.
inline void mark_occupied(std::byte* base, const HashGeometry& geometry, std::uint32_t hash) {
  const std::uint32_t page = (hash & geometry.bucket_mask) / kBucketsPerPage;
  std::atomic<std::uint64_t>& word = occupancy_word(base, geometry, page);
  const std::uint64_t bit = std::uint64_t{1} << page % 64;
  if ((word.load(std::memory_order_relaxed) & bit) == 0) word.fetch_or(bit, std::memory_order_relaxed);
}

}  // namespace netkit::bpf
