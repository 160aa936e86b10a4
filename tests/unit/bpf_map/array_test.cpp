#include <gtest/gtest.h>

#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {
TEST(Array, IsZeroAtTheStart) {
  const MapRef map =
      create_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 2})
          .value();
  std::uint32_t key = 1;
  EXPECT_EQ(*static_cast<std::uint64_t*>(map->operations().lookup(*map, &key, 0)), 0U);
  key = 2;
  EXPECT_EQ(map->operations().lookup(*map, &key, 0), nullptr);
}
}  // namespace
}  // namespace netkit::bpf
