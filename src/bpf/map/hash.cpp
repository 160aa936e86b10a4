#include <algorithm>
#include <bit>

#include "base/per_cpu.h"
#include "bpf/map/create.h"
#include "bpf/map/hash_map.h"

namespace netkit::bpf {
namespace {

std::uint32_t capacity_of(const MapSpec& spec, std::uint64_t entry_size) {
  std::uint64_t capacity = spec.max_entries;
  if ((spec.flags & kNoCommonLru) != 0)
    capacity += (possible_cpus() - capacity % possible_cpus()) % possible_cpus();
  if ((spec.flags & kNoPrealloc) != 0) capacity = std::min(capacity, kLargestRegion / 2 / entry_size);
  return static_cast<std::uint32_t>(capacity);
}

}  // namespace

Result<HashParts> make_hash_parts(const MapSpec& spec) {
  const std::uint32_t buckets = std::bit_ceil(spec.max_entries);
  HashGeometry geometry{};
  geometry.seed = hash_seed(spec);
  geometry.bucket_mask = buckets - 1;
  geometry.lru = spec.type == MapType::kLruHash || spec.type == MapType::kLruPercpuHash ? 1 : 0;
  geometry.per_cpu = spec.type == MapType::kPercpuHash || spec.type == MapType::kLruPercpuHash ? 1 : 0;
  geometry.max_entries = spec.max_entries;
  geometry.key_size = spec.key_size;
  geometry.value_size = spec.value_size;
  geometry.key_offset = geometry.lru != 0 ? sizeof(LruElementHead) : sizeof(ElementHead);
  geometry.value_offset = geometry.key_offset + static_cast<std::uint32_t>(round_up_8(spec.key_size));
  geometry.value_stride = static_cast<std::uint32_t>(round_up_8(spec.value_size));
  geometry.fields = value_fields(spec);

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
  return HashParts{TRY(MapMemory::create(spec, layout.size())), geometry};
}

Result<MapRef> make_hash(const MapSpec& spec) {
  HashParts parts = TRY(make_hash_parts(spec));
  return std::make_shared<HashMap>(spec, std::move(parts.memory), parts.geometry);
}

}  // namespace netkit::bpf
