#include "bpf/map/bloom_filter.h"

#include "bpf/map/create.h"

namespace netkit::bpf {
namespace {

class BloomFilter final : public Map {
 public:
  BloomFilter(const MapSpec& spec, MapMemory memory, const BloomGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
  }

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EOPNOTSUPP; }
  static std::int64_t push(Map& map, const void* value, std::uint64_t flags) {
    auto& filter = static_cast<BloomFilter&>(map);
    return bloom_push(filter.base(), filter.geometry_, value, flags);
  }
  static std::int64_t pop(Map&, void*) { return -EOPNOTSUPP; }
  static std::int64_t peek(Map& map, void* value) {
    auto& filter = static_cast<BloomFilter&>(map);
    return bloom_peek(filter.base(), filter.geometry_, value);
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = update, .erase = erase, .push = push, .pop = pop, .peek = peek};

  Result<> user_lookup(const std::byte*, std::byte* value, std::uint64_t) override {
    return answer(peek(*this, value));
  }
  Result<> user_update(const std::byte*, const std::byte* value, std::uint64_t flags) override {
    return answer(push(*this, value, flags));
  }
  Result<> user_delete(const std::byte*) override { return answer(-EOPNOTSUPP); }
  Result<> user_next_key(const std::byte*, std::byte*) override { return answer(-EOPNOTSUPP); }

  BloomGeometry geometry_;
};

}  // namespace

Result<MapRef> make_bloom_filter(const MapSpec& spec) {
  constexpr std::uint32_t kDefaultHashes = 5;
  RegionLayout layout;
  BloomGeometry geometry{};
  geometry.hashes = spec.extra == 0 ? kDefaultHashes : static_cast<std::uint32_t>(spec.extra);
  geometry.value_size = spec.value_size;
  geometry.seed = hash_seed(spec);
  const std::uint64_t bits = bloom_bits(spec.max_entries, geometry.hashes);
  geometry.bit_mask = static_cast<std::uint32_t>(bits - 1);
  geometry.bits = layout.add(bits / 64, sizeof(std::uint64_t), kPage);
  return std::make_shared<BloomFilter>(spec, TRY(MapMemory::create(spec, layout.size())), geometry);
}

}  // namespace netkit::bpf
