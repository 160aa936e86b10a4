// The map of the hash types: what user space does with them.
#pragma once

#include <algorithm>
#include <bit>
#include <mutex>
#include <utility>
#include <vector>

#include "base/per_cpu.h"
#include "bpf/map/hash.h"
#include "bpf/map/map.h"
#include "bpf/map/user_value.h"

namespace netkit::bpf {

class HashMap : public Map {
 public:
  HashMap(const MapSpec& spec, MapMemory memory, const HashGeometry& geometry,
          const MapOperations& operations = kOperations)
      : Map(spec, operations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
    pool_start(base(), geometry_.pool);
  }
  ~HashMap() override { user_references_gone(); }

  const void* key_of(const void* value, std::uint32_t&) const override {
    return static_cast<const std::byte*>(value) - (geometry_.value_offset - geometry_.key_offset);
  }

 protected:
  [[nodiscard]] const HashGeometry& geometry() const { return geometry_; }
  // Space for an element of user space is one shard of the pool's.
  [[nodiscard]] std::mutex& user_mutex() { return user_mutex_; }
  // User space has removed an element, which is about to be given back.
  virtual void element_gone(std::uint32_t) {}

  static const std::byte* bytes(const void* key) { return static_cast<const std::byte*>(key); }
  static void* lookup(Map& map, const void* key, std::uint32_t cpu) {
    auto& self = static_cast<HashMap&>(map);
    return hash_lookup(self.base(), self.geometry_, bytes(key), cpu);
  }

  // A new entry of a per-CPU type is zero on other CPUs (pcpu_init_value).
  static std::int64_t update(Map& map, const void* key, const void* value, std::uint64_t flags,
                             std::uint32_t cpu) {
    auto& self = static_cast<HashMap&>(map);
    return hash_update(self.base(), self.geometry_, bytes(key), flags, cpu,
                       [&](std::uint32_t element, bool is_new) {
                         if (is_new) self.clear_copies(element);
                         self.write_value(element, cpu, value, is_new);
                       });
  }

  static std::int64_t erase(Map& map, const void* key) {
    auto& self = static_cast<HashMap&>(map);
    return hash_erase(self.base(), self.geometry_, bytes(key));
  }
  static std::int64_t for_each(Map& map, std::uint32_t cpu, const ElementVisitor& visit) {
    auto& self = static_cast<HashMap&>(map);
    return hash_for_each(
        self.base(), self.geometry_, cpu, [&](std::uint32_t from) { return self.next_used_bucket(from); },
        visit);
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = update, .erase = erase, .for_each = for_each};

  // An element that is there already is changed in place because it is per-CPU or by BPF_F_LOCK.
  void write_value(std::uint32_t element, std::uint32_t cpu, const void* from, bool is_new) const {
    std::byte* to = value(element, cpu);
    if (is_new) {
      init_value(to, from, geometry_.value_size, geometry_.fields);
    } else if (geometry_.fields.lock != kNoField) {
      copy_into_locked_value(to, from, geometry_.value_size, geometry_.fields);
    } else {
      copy_to_shared(to, from, geometry_.value_size);
    }
  }

  // Timers go with the last user reference (htab_free_malloced_internal_structs).
  void user_references_gone() override {
    if (geometry_.fields.timer == kNoField) return;
    for (std::uint32_t at = next_used_bucket(0); at != kNoBucket; at = next_used_bucket(at + 1)) {
      const MapLock lock(bucket(at).lock);
      find_in_chain_if(base(), geometry_, bucket(at), [&](std::uint32_t element, const ElementHead&) {
        free_fields(base(), geometry_, element);
        return false;
      });
    }
  }

 private:
  [[nodiscard]] std::byte* value(std::uint32_t element, std::uint32_t cpu) const {
    return element_value(base(), geometry_, element, cpu);
  }
  [[nodiscard]] bool per_cpu() const { return geometry_.per_cpu != 0; }
  [[nodiscard]] std::uint32_t hash(const std::byte* key) const {
    return hash_key(key, geometry_.key_size, geometry_.seed);
  }
  [[nodiscard]] HashBucket& bucket(std::uint32_t number) const {
    return hash_bucket(base(), geometry_, number);
  }

  void clear_copies(std::uint32_t element) const {
    if (!per_cpu()) return;
    for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu)
      clear_value(value(element, cpu), geometry_.value_stride);
  }

  // For the holder of the lock of the element's bucket.
  void read_key(std::uint32_t element, std::byte* key) const {
    copy_from_shared(key, element_key(geometry_, hash_element(base(), geometry_, element)),
                     geometry_.key_size);
  }
  void read_value(std::uint32_t element, std::byte* to, std::uint64_t flags) const {
    for_each_copy(
        per_cpu(), geometry_.value_size, flags, [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
          if (per_cpu()) return copy_from_shared(to + at, value(element, cpu), bytes);
          if ((flags & kLock) != 0) {
            return copy_from_locked_value(to, value(element, cpu), geometry_.value_size, geometry_.fields);
          }
          copy_from_value(to, value(element, cpu), geometry_.value_size, geometry_.fields);
        });
  }

 protected:
  // Reads under the lock: the copy is of one value, whatever programs do meanwhile. Not a use in the sense of
  // LRU (htab_lru_map_lookup_elem_sys).
  Result<> user_lookup(const std::byte* key, std::byte* to, std::uint64_t flags) override {
    const std::uint32_t key_hash = hash(key);
    HashBucket& home = bucket(key_hash & geometry_.bucket_mask);
    const MapLock lock(home.lock);
    const ChainPlace place = find_in_chain(base(), geometry_, home, key, key_hash);
    if (place.element == 0) return answer(-ENOENT);
    read_value(place.element, to, flags);
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* from, std::uint64_t flags) override {
    const auto write = [&](std::uint32_t element, bool is_new) {
      if (is_new) clear_copies(element);
      for_each_copy(per_cpu(), geometry_.value_size, flags,
                    [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                      if (per_cpu()) return copy_to_shared(value(element, cpu), from + at, bytes);
                      write_value(element, cpu, from, is_new);
                    });
    };
    const std::lock_guard lock(user_mutex_);
    return answer(hash_update(base(), geometry_, key, without_cpu(flags), possible_cpus(), write));
  }

  Result<> user_delete(const std::byte* key) override {
    return answer(hash_erase(base(), geometry_, key, [&](std::uint32_t element) { element_gone(element); }));
  }

  Result<> user_take(const std::byte* key, std::byte* to, std::uint64_t flags) override {
    return answer(
        hash_erase(base(), geometry_, key, [&](std::uint32_t element) { read_value(element, to, flags); }));
  }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    std::uint32_t from = 0;
    if (key != nullptr) {
      const std::uint32_t key_hash = hash(key);
      const std::uint32_t home = key_hash & geometry_.bucket_mask;
      const MapLock lock(bucket(home).lock);
      const ChainPlace place = find_in_chain(base(), geometry_, bucket(home), key, key_hash);
      if (place.element != 0) {
        const ElementHead& found = hash_element(base(), geometry_, place.element);
        const std::uint32_t after = linked_number(found.next.load(std::memory_order_relaxed));
        if (after != 0) {
          read_key(after, next);
          return {};
        }
        from = home + 1;
      }
    }
    for (std::uint32_t at = next_used_bucket(from); at != kNoBucket; at = next_used_bucket(at + 1)) {
      const MapLock lock(bucket(at).lock);
      if (const std::uint32_t first = linked_number(bucket(at).first.load(std::memory_order_relaxed));
          first != 0) {
        read_key(first, next);
        return {};
      }
    }
    return answer(-ENOENT);
  }

  // Bucket by bucket: an entry never changes its bucket, so that none is missed or seen twice.
  void user_visit(const Visitor& visit) override {
    const std::size_t value_size = user_value_size();
    std::vector<std::byte> copies;
    for (std::uint32_t at = next_used_bucket(0); at != kNoBucket; at = next_used_bucket(at + 1)) {
      copies.clear();
      copy_bucket(at, copies);
      for (std::span<const std::byte> rest(copies); !rest.empty();
           rest = rest.subspan(geometry_.key_size + value_size)) {
        if (!visit(rest.first(geometry_.key_size), rest.subspan(geometry_.key_size, value_size))) return;
      }
    }
  }

  void copy_bucket(std::uint32_t number, std::vector<std::byte>& to) const {
    const MapLock lock(bucket(number).lock);
    find_in_chain_if(base(), geometry_, bucket(number), [&](std::uint32_t element, const ElementHead&) {
      const std::size_t at = to.size();
      to.resize(at + geometry_.key_size + user_value_size());
      read_key(element, to.data() + at);
      read_value(element, to.data() + at + geometry_.key_size, kAny);
      return false;
    });
  }

  // Whole buckets, so that nothing is missed or seen twice: the cursor is a bucket's number
  // (__htab_map_lookup_and_delete_batch).
  Result<> user_read_batch(MapBatch& batch, std::uint64_t flags) override {
    if (!batch.cursor.empty() && batch.cursor.size() != sizeof(std::uint32_t))
      return fail(EFAULT, "the cursor is none of this map's");
    std::uint32_t at = batch.cursor.empty() ? 0 : load_unaligned<std::uint32_t>(batch.cursor.data());
    batch.cursor.resize(sizeof at);
    for (at = next_used_bucket(at); at != kNoBucket; at = next_used_bucket(at + 1)) {
      store_unaligned(batch.cursor.data(), at);
      if (!take_bucket(at, batch, flags)) return batch.count == 0 ? answer(-ENOSPC) : Result<>{};
    }
    store_unaligned(batch.cursor.data(), geometry_.bucket_mask + 1);
    return answer(-ENOENT);
  }

 private:
  // False: there is not enough room for all of its entries.
  bool take_bucket(std::uint32_t number, MapBatch& batch, std::uint64_t flags) {
    std::vector<std::uint32_t> elements;
    {
      HashBucket& source = bucket(number);
      MapLock lock(source.lock);
      find_in_chain_if(base(), geometry_, source, [&](std::uint32_t element, const ElementHead&) {
        elements.push_back(element);
        return false;
      });
      if (elements.size() > batch.room - batch.count) return false;
      for (const std::uint32_t element : elements) append(element, batch, flags);
      if (!batch.remove) return true;
      for (const std::uint32_t element : elements) element_gone(element);
      for (std::size_t left = elements.size(); left > 0; --left) {
        const std::uint32_t first = linked_number(source.first.load(std::memory_order_relaxed));
        unlink_from_chain(base(), geometry_, {&source.first, first}, lock);
      }
    }
    for (const std::uint32_t element : elements)
      hash_give(base(), geometry_, number % geometry_.pool.shard_count, element);
    return true;
  }

  void append(std::uint32_t element, MapBatch& batch, std::uint64_t flags) const {
    batch.keys.resize(batch.keys.size() + geometry_.key_size);
    read_key(element, batch.keys.data() + batch.keys.size() - geometry_.key_size);
    const std::size_t value_size = user_value_size(flags);
    batch.values.resize(batch.values.size() + value_size);
    read_value(element, batch.values.data() + batch.values.size() - value_size, flags);
    ++batch.count;
  }

  // The first bucket at or behind `from` that seems to hold something, or kNoBucket. Pages of buckets that
  // were never used are not even read: reading would make the file grow.
  static constexpr std::uint32_t kNoBucket = ~0U;
  [[nodiscard]] std::uint32_t next_used_bucket(std::uint32_t from) const {
    while (from <= geometry_.bucket_mask) {
      const std::uint32_t page = from / kBucketsPerPage;
      const std::uint64_t marks =
          occupancy_word(base(), geometry_, page).load(std::memory_order_relaxed) >> page % 64;
      if ((marks & 1) == 0) {
        const auto unused = static_cast<std::uint32_t>(std::countr_zero(marks));
        from = (page + std::min(unused, 64 - page % 64)) * kBucketsPerPage;
      } else if (linked_number(bucket(from).first.load(std::memory_order_relaxed)) != 0) {
        return from;
      } else {
        ++from;
      }
    }
    return kNoBucket;
  }

  HashGeometry geometry_;
  std::mutex user_mutex_;  // user space has one shard of the pool
};

// A hash map of a checked specification, ready to be built.
struct HashParts {
  MapMemory memory;
  HashGeometry geometry;
};
[[nodiscard]] Result<HashParts> make_hash_parts(const MapSpec& spec);

}  // namespace netkit::bpf
