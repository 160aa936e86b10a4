#include "bpf/map/hash.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <random>
#include <vector>

#include "base/per_cpu.h"
#include "bpf/map/create.h"
#include "bpf/map/user_value.h"

namespace netkit::bpf {
namespace {

class HashMap final : public Map {
 public:
  HashMap(const MapSpec& spec, MapMemory memory, const HashGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
    pool_start(base(), geometry_.pool);
  }

 private:
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
                         copy_to_shared(self.value(element, cpu), value, self.geometry_.value_size);
                       });
  }

  static std::int64_t erase(Map& map, const void* key) {
    auto& self = static_cast<HashMap&>(map);
    return hash_erase(self.base(), self.geometry_, bytes(key));
  }
  static constexpr MapOperations kOperations{lookup, update, erase};

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
    for_each_copy(per_cpu(), geometry_.value_size, flags,
                  [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                    copy_from_shared(to + at, value(element, cpu), bytes);
                  });
  }

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
                      copy_to_shared(value(element, cpu), from + at, bytes);
                    });
    };
    const std::lock_guard lock(user_mutex_);
    return answer(hash_update(base(), geometry_, key, without_cpu(flags), possible_cpus(), write));
  }

  Result<> user_delete(const std::byte* key) override { return answer(hash_erase(base(), geometry_, key)); }

  Result<> user_take(const std::byte* key, std::byte* to, std::uint64_t) override {
    return answer(
        hash_erase(base(), geometry_, key, [&](std::uint32_t element) { read_value(element, to, kAny); }));
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

  // False: there is not enough room for all of its entries.
  bool take_bucket(std::uint32_t number, MapBatch& batch, std::uint64_t flags) const {
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

std::uint64_t make_seed(const MapSpec& spec) {
  if ((spec.flags & kZeroSeed) != 0) return 0;
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

std::uint32_t capacity_of(const MapSpec& spec, std::uint64_t entry_size) {
  std::uint64_t capacity = spec.max_entries;
  if ((spec.flags & kNoCommonLru) != 0)
    capacity += (possible_cpus() - capacity % possible_cpus()) % possible_cpus();
  if ((spec.flags & kNoPrealloc) != 0) capacity = std::min(capacity, kLargestRegion / 2 / entry_size);
  return static_cast<std::uint32_t>(capacity);
}

}  // namespace

Result<MapRef> make_hash(const MapSpec& spec) {
  const std::uint32_t buckets = std::bit_ceil(spec.max_entries);
  HashGeometry geometry{};
  geometry.seed = make_seed(spec);
  geometry.bucket_mask = buckets - 1;
  geometry.lru = spec.type == MapType::kLruHash || spec.type == MapType::kLruPercpuHash ? 1 : 0;
  geometry.per_cpu = spec.type == MapType::kPercpuHash || spec.type == MapType::kLruPercpuHash ? 1 : 0;
  geometry.max_entries = spec.max_entries;
  geometry.key_size = spec.key_size;
  geometry.value_size = spec.value_size;
  geometry.key_offset = geometry.lru != 0 ? sizeof(LruElementHead) : sizeof(ElementHead);
  geometry.value_offset = geometry.key_offset + static_cast<std::uint32_t>(round_up_8(spec.key_size));
  geometry.value_stride = static_cast<std::uint32_t>(round_up_8(spec.value_size));

  PoolGeometry& pool = geometry.pool;
  pool.element_size = geometry.value_offset + (geometry.per_cpu != 0 ? 0 : geometry.value_stride);
  pool.shard_count = possible_cpus() + 1;
  const std::uint64_t planes_size =
      geometry.per_cpu != 0 ? std::uint64_t{geometry.value_stride} * possible_cpus() : 0;
  pool.capacity = capacity_of(spec, pool.element_size + planes_size);

  RegionLayout layout;
  const std::uint64_t places = std::uint64_t{pool_places(pool)} + 1;
  pool.shared = layout.add(1, sizeof(PoolShared));
  pool.shards = layout.add(pool.shard_count, sizeof(PoolShard));
  geometry.occupied = layout.add((buckets / kBucketsPerPage + 64) / 64, sizeof(std::uint64_t));
  geometry.buckets = layout.add(buckets, sizeof(HashBucket), kPage);
  pool.elements = layout.add(places, pool.element_size, kPage);
  if (geometry.per_cpu != 0) {
    geometry.planes = layout.add(places, geometry.value_stride, kPage);
    geometry.plane_size = layout.add(0, 0, kPage) - geometry.planes;
    layout.add(possible_cpus() - 1, geometry.plane_size, kPage);
  }
  return std::make_shared<HashMap>(spec, TRY(MapMemory::create(spec, layout.size())), geometry);
}

}  // namespace netkit::bpf
