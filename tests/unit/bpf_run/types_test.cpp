#include <gtest/gtest.h>

#include <array>
#include <cstddef>

#include "bpf/run/memory_access.h"
#include "bpf/run/types.h"

namespace netkit::bpf {
namespace {

TEST(MapTypeName, is_that_of_bpftool) {
  EXPECT_EQ(map_type_name(MapType::kHash), "hash");
  EXPECT_EQ(map_type_name(MapType::kLruPercpuHash), "lru_percpu_hash");
  EXPECT_EQ(map_type_name(MapType::kArrayOfMaps), "array_of_maps");
  EXPECT_EQ(map_type_name(MapType::kRingbuf), "ringbuf");
  EXPECT_EQ(map_type_name(MapType::kBloomFilter), "bloom_filter");
  EXPECT_EQ(map_type_name(MapType::kArena), "arena");
  EXPECT_EQ(map_type_name(static_cast<MapType>(4711)), "");
}

TEST(SharedMemory, copies_any_size_at_any_address) {
  std::array<std::uint8_t, 64> shared{};
  std::array<std::uint8_t, 64> own{};
  for (std::size_t at = 0; at < own.size(); ++at) own[at] = static_cast<std::uint8_t>(at + 1);
  for (std::size_t offset = 0; offset < 9; ++offset) {
    for (std::size_t size = 0; size < 40; ++size) {
      shared.fill(0);
      copy_to_shared(shared.data() + offset, own.data(), size);
      std::array<std::uint8_t, 64> back{};
      copy_from_shared(back.data(), shared.data() + offset, size);
      for (std::size_t at = 0; at < back.size(); ++at) ASSERT_EQ(back[at], at < size ? own[at] : 0);
      EXPECT_EQ(shared[offset + size], 0);
    }
  }
}

}  // namespace
}  // namespace netkit::bpf
