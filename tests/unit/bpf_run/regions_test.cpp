// The table of regions: what is found, also when there is a lot of it.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <random>

#include "bpf/run/regions.h"

namespace netkit::bpf {
namespace {

Region value(std::uint64_t base, std::uint64_t size, std::uint32_t owner = 1) {
  return {base, size, RegionKind::kMapValue, true, owner};
}

TEST(Region, holds_ranges_inside_and_no_others) {
  const Region region{1000, 16, RegionKind::kMemory, true, 0};
  EXPECT_TRUE(region.holds(1000, 16));
  EXPECT_TRUE(region.holds(1015, 1));
  EXPECT_FALSE(region.holds(1009, 8));
  EXPECT_FALSE(region.holds(999, 1));
  EXPECT_FALSE(region.holds(1016, 1));
  EXPECT_FALSE(region.holds(1000, ~std::uint64_t{0}));
  EXPECT_FALSE(region.holds(~std::uint64_t{0} - 3, 8));
}

TEST(RegionTable, finds_the_fixed_regions) {
  RegionTable table;
  table.begin({});
  table.stack = {0x1000, 512, RegionKind::kStack, true, 0};
  table.packet = {0x8000, 64, RegionKind::kPacket, true, 0};
  table.context = {0x9000, 192, RegionKind::kContext, false, 0};
  EXPECT_EQ(table.find(0x1008, 8)->kind, RegionKind::kStack);
  EXPECT_EQ(table.find(0x803f, 1)->kind, RegionKind::kPacket);
  EXPECT_EQ(table.find(0x9000, 192)->kind, RegionKind::kContext);
  EXPECT_EQ(table.find(0x8040, 1), nullptr);
  EXPECT_EQ(table.find(0, 1), nullptr);
}

TEST(RegionTable, finds_data_sections) {
  const std::array<Region, 3> globals = {{{0x100, 0x10, RegionKind::kGlobalData, true, 1},
                                          {0x200, 0x10, RegionKind::kGlobalData, false, 2},
                                          {0x300, 0x10, RegionKind::kGlobalData, true, 3}}};
  RegionTable table;
  table.begin(globals);
  EXPECT_EQ(table.find(0x100, 1)->owner, 1U);
  EXPECT_EQ(table.find(0x20f, 1)->owner, 2U);
  EXPECT_EQ(table.find(0x308, 8)->owner, 3U);
  EXPECT_EQ(table.find(0x309, 8), nullptr);
  EXPECT_EQ(table.find(0xff, 1), nullptr);
  table.enter({});
  EXPECT_EQ(table.find(0x308, 8), nullptr);
}

TEST(RegionTable, forgets_what_was_handed_out_with_the_run) {
  RegionTable table;
  table.begin({});
  table.hand_out(value(0x1000, 8));
  EXPECT_NE(table.find(0x1000, 8), nullptr);
  table.begin({});
  EXPECT_EQ(table.find(0x1000, 8), nullptr);
}

TEST(RegionTable, handing_out_twice_keeps_one_region_and_its_latest_description) {
  RegionTable table;
  table.begin({});
  table.hand_out(value(0x1000, 8, 1));
  Region again = value(0x1000, 8, 2);
  again.writable = false;
  table.hand_out(again);
  EXPECT_EQ(table.find(0x1000, 8)->owner, 2U);
  EXPECT_FALSE(table.find(0x1000, 8)->writable);
  table.take_back(0x1000);
  EXPECT_EQ(table.find(0x1000, 8), nullptr);
}

TEST(RegionTable, nothing_is_handed_out_for_no_bytes) {
  RegionTable table;
  table.begin({});
  table.hand_out(value(0x1000, 0));
  EXPECT_EQ(table.find(0x1000, 0), nullptr);
}

// The same whether few regions are searched or many are indexed.
class RegionTableOfSize : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RegionTableOfSize, finds_each_region_and_nothing_between) {
  const std::uint64_t count = GetParam();
  RegionTable table;
  table.begin({});
  const auto base = [](std::uint64_t number) { return 0x10000 + number * 256; };
  const auto size = [](std::uint64_t number) { return 1 + number * 37 % 200; };
  for (std::uint64_t number = 0; number < count; ++number)
    table.hand_out(value(base(number), size(number), static_cast<std::uint32_t>(number)));
  for (std::uint64_t number = 0; number < count; ++number) {
    ASSERT_NE(table.find(base(number), size(number)), nullptr);
    EXPECT_EQ(table.find(base(number) + size(number) - 1, 1)->owner, number);
    EXPECT_EQ(table.find(base(number), size(number) + 1), nullptr);
    EXPECT_EQ(table.find(base(number) + size(number), 1), nullptr);
  }
}

TEST_P(RegionTableOfSize, takes_back_every_second_one) {
  const std::uint64_t count = GetParam();
  RegionTable table;
  table.begin({});
  const auto base = [](std::uint64_t number) { return 0x10000 + number * 64; };
  for (std::uint64_t number = 0; number < count; ++number) table.hand_out(value(base(number), 64));
  for (std::uint64_t number = 0; number < count; number += 2) table.take_back(base(number));
  for (std::uint64_t number = 0; number < count; ++number)
    EXPECT_EQ(table.find(base(number), 8) != nullptr, number % 2 == 1);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RegionTableOfSize, testing::Values(1, 2, 8, 9, 10, 100, 5000));

TEST(RegionTable, big_and_small_regions_live_side_by_side) {
  RegionTable table;
  table.begin({});
  for (std::uint64_t number = 0; number < 32; ++number) table.hand_out(value(0x1000 + number * 16, 16));
  table.hand_out(value(0x100000, 0x100000));
  table.hand_out(value(0x345678, 0x12345));
  EXPECT_NE(table.find(0x1ffff0, 16), nullptr);
  EXPECT_NE(table.find(0x345678 + 0x12345 - 4, 4), nullptr);
  EXPECT_EQ(table.find(0x345678 + 0x12345 - 3, 4), nullptr);
  EXPECT_NE(table.find(0x11f0, 16), nullptr);
}

TEST(RegionTable, reservations_that_come_and_go_need_no_more_room) {
  RegionTable table;
  table.begin({});
  for (std::uint64_t number = 0; number < 12; ++number) table.hand_out(value(0x1000 + number * 64, 64));
  for (std::uint64_t round = 0; round < 200'000; ++round) {
    const std::uint64_t base = 0x100000 + round * 64;
    table.hand_out({base, 48, RegionKind::kReservation, true, 0});
    ASSERT_NE(table.find(base, 48), nullptr);
    table.take_back(base);
    ASSERT_EQ(table.find(base, 48), nullptr);
  }
  EXPECT_NE(table.find(0x1000, 64), nullptr);
}

TEST(RegionTable, a_hundred_thousand_values_are_no_burden) {
  RegionTable table;
  table.begin({});
  const auto start = std::chrono::steady_clock::now();
  std::mt19937_64 random(1);
  for (std::uint64_t number = 0; number < 100'000; ++number) table.hand_out(value(0x10000 + number * 80, 72));
  for (int round = 0; round < 100'000; ++round)
    ASSERT_NE(table.find(0x10000 + random() % 100'000 * 80 + 8, 8), nullptr);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

TEST(RegionTable, nearest_is_the_last_that_begins_before) {
  RegionTable table;
  table.begin({});
  table.packet = {0x8000, 64, RegionKind::kPacket, true, 0};
  table.hand_out(value(0x9000, 8));
  EXPECT_EQ(table.nearest(0x8100)->kind, RegionKind::kPacket);
  EXPECT_EQ(table.nearest(0x9100)->kind, RegionKind::kMapValue);
  EXPECT_EQ(table.nearest(0x10), nullptr);
}

TEST(RegionKindName, every_kind_has_one) {
  EXPECT_EQ(region_kind_name(RegionKind::kStack), "stack");
  EXPECT_EQ(region_kind_name(RegionKind::kMapValue), "map_value");
  EXPECT_EQ(region_kind_name(RegionKind::kReservation), "reservation");
}

}  // namespace
}  // namespace netkit::bpf
