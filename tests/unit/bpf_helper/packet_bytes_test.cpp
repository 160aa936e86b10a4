#include <array>
#include <cerrno>

#include "fixture.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

using PacketBytes = HelperTest;

// ---- skb_load_bytes ----

TEST_F(PacketBytes, LoadCopiesAlsoWhatIsNotLinear) {
  use_udp().set_linear_len(14);
  std::array<std::uint8_t, 4> got{};
  EXPECT_EQ(call_skb("skb_load_bytes", 26, got.data(), 4), 0);
  EXPECT_EQ(got, (std::array<std::uint8_t, 4>{10, 0, 0, 1}));
  EXPECT_EQ(packet().linear_len(), 14U);
}

struct LoadCase {
  std::uint32_t offset, size;
  std::int64_t result;
};
class LoadBytes : public HelperTest, public ::testing::WithParamInterface<LoadCase> {};
TEST_P(LoadBytes, AnswersAsTheKernelAndZeroesOnFailure) {
  use_udp();  // 62 bytes
  std::vector<std::uint8_t> got(GetParam().size, 0xaa);
  EXPECT_EQ(call_skb("skb_load_bytes", GetParam().offset, got.data(), GetParam().size), GetParam().result);
  const auto expected = GetParam().result == 0
                            ? std::vector(packet().data() + GetParam().offset,
                                          packet().data() + GetParam().offset + GetParam().size)
                            : std::vector<std::uint8_t>(GetParam().size, 0);
  EXPECT_EQ(got, expected);
}
INSTANTIATE_TEST_SUITE_P(Ranges, LoadBytes,
                         ::testing::Values(LoadCase{0, 14, 0}, LoadCase{0, 62, 0}, LoadCase{61, 1, 0},
                                           LoadCase{62, 1, -EFAULT}, LoadCase{61, 2, -EFAULT},
                                           LoadCase{0, 63, -EFAULT}, LoadCase{0x7fff'ffff, 1, -EFAULT},
                                           LoadCase{0x8000'0000, 1, -EFAULT},
                                           LoadCase{0xffff'ffff, 1, -EFAULT},
                                           LoadCase{0xffff'fffe, 4, -EFAULT}));

// ---- skb_load_bytes_relative ----

struct RelativeCase {
  std::uint32_t start, offset, size;
  std::int64_t result;
};
class LoadRelative : public HelperTest, public ::testing::WithParamInterface<RelativeCase> {};
TEST_P(LoadRelative, CountsFromTheHeaderAndZeroesOnFailure) {
  use_udp();
  const auto [start, offset, size, result] = GetParam();
  std::vector<std::uint8_t> got(size, 0xaa);
  EXPECT_EQ(call_skb("skb_load_bytes_relative", offset, got.data(), size, start), result);
  const std::uint8_t* from = packet().data() + (start == 1 ? 14 : 0) + offset;
  EXPECT_EQ(got, result == 0 ? std::vector(from, from + size) : std::vector<std::uint8_t>(size, 0));
}
INSTANTIATE_TEST_SUITE_P(Starts, LoadRelative,
                         ::testing::Values(RelativeCase{0, 0, 14, 0}, RelativeCase{1, 12, 4, 0},
                                           RelativeCase{1, 0, 48, 0}, RelativeCase{1, 0, 49, -EFAULT},
                                           RelativeCase{0, 0, 63, -EFAULT}, RelativeCase{2, 0, 1, -EFAULT},
                                           RelativeCase{0, 0x10000, 1, -EFAULT},
                                           RelativeCase{1, 0xffff, 1, -EFAULT}));

TEST_F(PacketBytes, RelativeLoadStopsAtTheLinearPart) {
  use_udp().set_linear_len(34);
  std::array<std::uint8_t, 8> got{};
  EXPECT_EQ(call_skb("skb_load_bytes_relative", 12, got.data(), 8, 1), 0);
  EXPECT_EQ(call_skb("skb_load_bytes_relative", 13, got.data(), 8, 1), -EFAULT);
}

TEST_F(PacketBytes, RelativeLoadNeedsTheHeader) {
  use_udp().meta.mac_header = kUnset;
  std::uint8_t got = 0xaa;
  EXPECT_EQ(call_skb("skb_load_bytes_relative", 0, &got, 1, 0), -EFAULT);
  EXPECT_EQ(got, 0);
}

TEST_F(PacketBytes, RelativeLoadReachesAHeaderInFrontOfData) {
  use_udp().pull(14);
  std::array<std::uint8_t, 6> got{};
  EXPECT_EQ(call_skb("skb_load_bytes_relative", 0, got.data(), 6, 0), 0);
  EXPECT_EQ(got, (std::array<std::uint8_t, 6>{2, 0, 0, 0, 0, 2}));
}

// ---- skb_store_bytes ----

struct StoreCase {
  std::uint32_t offset, size;
  std::uint64_t flags;
  std::int64_t result;
};
class StoreBytes : public HelperTest, public ::testing::WithParamInterface<StoreCase> {};
TEST_P(StoreBytes, ChecksFlagsThenRange) {
  use_udp();
  const auto before = bytes();
  const auto [offset, size, flags, result] = GetParam();
  const std::vector<std::uint8_t> from(size, 0xee);
  EXPECT_EQ(call_skb("skb_store_bytes", offset, from.data(), size, flags), result);
  auto expected = before;
  if (result == 0) std::ranges::copy(from, expected.begin() + offset);
  EXPECT_EQ(bytes(), expected);
}
INSTANTIATE_TEST_SUITE_P(Arguments, StoreBytes,
                         ::testing::Values(StoreCase{0, 14, 0, 0}, StoreCase{61, 1, 3, 0},
                                           StoreCase{0, 62, 1, 0}, StoreCase{0, 63, 0, -EFAULT},
                                           StoreCase{62, 1, 2, -EFAULT},
                                           StoreCase{0x8000'0000, 1, 0, -EFAULT},
                                           StoreCase{0xffff'ffff, 2, 0, -EFAULT}, StoreCase{0, 1, 4, -EINVAL},
                                           StoreCase{0x8000'0000, 1, 8, -EINVAL},
                                           StoreCase{0, 1, std::uint64_t{1} << 32, -EINVAL}));

TEST_F(PacketBytes, StoreMakesItsRangeLinear) {
  use_udp().set_linear_len(14);
  const std::array<std::uint8_t, 4> from{1, 2, 3, 4};
  EXPECT_EQ(call_skb("skb_store_bytes", 30, from.data(), 4, 0), 0);
  EXPECT_EQ(packet().linear_len(), 34U);
  EXPECT_TRUE(region_is_current());
}

TEST_F(PacketBytes, StoreKeepsACompleteChecksumOnlyIfAsked) {
  const std::array<std::uint8_t, 3> from{1, 2, 3};
  for (const std::uint64_t flags : {0U, 1U}) {
    for (const std::uint32_t offset : {20U, 21U}) {
      use_udp();
      packet().meta.csum = {.state = ChecksumState::kComplete, .sum = sum_of(packet().bytes().subspan(14))};
      ASSERT_EQ(call_skb("skb_store_bytes", offset, from.data(), 3, flags), 0);
      EXPECT_EQ(fold(packet().meta.csum.sum) == fold(sum_of(packet().bytes().subspan(14))), flags == 1);
    }
  }
}

TEST_F(PacketBytes, StoreForgetsTheHashOnlyIfAsked) {
  PacketMeta& meta = use_udp().meta;
  meta.hash = 7;
  meta.l4_hash = meta.sw_hash = true;
  const std::uint8_t from = 1;
  EXPECT_EQ(call_skb("skb_store_bytes", 20, &from, 1, 1), 0);
  EXPECT_EQ(meta.hash, 7U);
  EXPECT_EQ(call_skb("skb_store_bytes", 20, &from, 1, 2), 0);
  EXPECT_EQ(meta.hash, 0U);
  EXPECT_FALSE(meta.l4_hash || meta.sw_hash);
}

// ---- skb_pull_data ----

struct PullCase {
  std::uint32_t size;
  std::int64_t result;
  std::uint32_t linear;
};
class PullData : public HelperTest, public ::testing::WithParamInterface<PullCase> {};
TEST_P(PullData, MovesTheEndOfTheLinearPart) {
  use_udp().set_linear_len(34);
  run.packet_moved();
  EXPECT_EQ(call_skb("skb_pull_data", GetParam().size), GetParam().result);
  EXPECT_EQ(packet().linear_len(), GetParam().linear);
  EXPECT_TRUE(region_is_current());
}
INSTANTIATE_TEST_SUITE_P(Sizes, PullData,
                         ::testing::Values(PullCase{0, 0, 34}, PullCase{10, 0, 34}, PullCase{35, 0, 35},
                                           PullCase{62, 0, 62}, PullCase{63, -ENOMEM, 34},
                                           PullCase{0xffff'ffff, -ENOMEM, 34}));

}  // namespace
}  // namespace netkit::bpf
