#include <cerrno>

#include "fixture.h"

namespace netkit::bpf {
namespace {

using PacketShape = HelperTest;

// ---- skb_change_tail ----

struct TailCase {
  std::uint32_t length;
  std::uint64_t flags;
  std::int64_t result;
};
class ChangeTail : public HelperTest, public ::testing::WithParamInterface<TailCase> {};
TEST_P(ChangeTail, KeepsTheFrontAndAddsZeros) {
  use_udp();  // 62 bytes, transport header at 34
  auto expected = bytes();
  const auto [length, flags, result] = GetParam();
  EXPECT_EQ(call_skb("skb_change_tail", length, flags), result);
  if (result == 0) expected.resize(length);
  EXPECT_EQ(bytes(), expected);
  EXPECT_TRUE(packet().is_linear());
  EXPECT_TRUE(region_is_current());
}
INSTANTIATE_TEST_SUITE_P(Lengths, ChangeTail,
                         ::testing::Values(TailCase{62, 0, 0}, TailCase{34, 0, 0}, TailCase{33, 0, -EINVAL},
                                           TailCase{0, 0, -EINVAL}, TailCase{100, 0, 0}, TailCase{3000, 0, 0},
                                           TailCase{16064, 0, 0}, TailCase{16065, 0, -EINVAL},
                                           TailCase{0xffff'ffff, 0, -EINVAL}, TailCase{62, 1, -EINVAL}));

TEST_F(PacketShape, TailStopsAtTheNetworkHeaderWhereNoTransportHeaderIsKnown) {
  use_udp().meta.transport_header = kUnset;
  EXPECT_EQ(call_skb("skb_change_tail", 13, 0), -EINVAL);
  EXPECT_EQ(call_skb("skb_change_tail", 14, 0), 0);
}

TEST_F(PacketShape, TailMayGoAnywhereWhenTheHeadersLieInFrontOfData) {
  use_udp().pull(40);
  EXPECT_EQ(call_skb("skb_change_tail", 0, 0), 0);
  EXPECT_EQ(packet().len(), 0U);
}

TEST_F(PacketShape, TailMakesLinearAndDropsSegmentation) {
  use_udp().set_linear_len(42);
  packet().meta.gso = {.type = kGsoUdpL4, .size = 10, .segs = 2};
  EXPECT_EQ(call_skb("skb_change_tail", 62, 0), 0);
  EXPECT_TRUE(packet().is_linear());
  EXPECT_EQ(packet().meta.gso.size, 0);
  EXPECT_EQ(packet().meta.gso.type, kGsoNone);
}

TEST_F(PacketShape, TailRefusesEncapsulatedPackets) {
  use_udp().meta.encapsulation = true;
  EXPECT_EQ(call_skb("skb_change_tail", 80, 0), -kENOTSUPP);
  EXPECT_EQ(call_skb("skb_change_tail", 80, 1), -EINVAL);
}

TEST_F(PacketShape, TailGivesUpACompleteSum) {
  for (const std::uint32_t length : {60U, 70U}) {
    use_udp().meta.csum = {.state = ChecksumState::kComplete, .sum = 5};
    EXPECT_EQ(call_skb("skb_change_tail", length, 0), 0);
    EXPECT_EQ(packet().meta.csum.state, ChecksumState::kNone);
  }
}

TEST_F(PacketShape, TailKeepsAPendingChecksumWhileItsFieldIsThere) {
  const auto use_partial = [&] {
    Packet& made = use_udp();
    made.meta.csum = {.state = ChecksumState::kPartial, .start = made.at(34), .offset = 6};
  };
  use_partial();
  EXPECT_EQ(call_skb("skb_change_tail", 42, 0), 0);
  EXPECT_EQ(packet().meta.csum.state, ChecksumState::kPartial);
  use_partial();
  EXPECT_EQ(call_skb("skb_change_tail", 41, 0), 0);
  EXPECT_EQ(packet().meta.csum.state, ChecksumState::kNone);
}

// ---- skb_change_head ----

struct HeadCase {
  std::uint32_t room;
  std::uint64_t flags;
  std::int64_t result;
};
class ChangeHead : public HelperTest, public ::testing::WithParamInterface<HeadCase> {};
TEST_P(ChangeHead, PutsZerosInFront) {
  use_udp();
  auto expected = bytes();
  const auto [room, flags, result] = GetParam();
  EXPECT_EQ(call_skb("skb_change_head", room, flags), result);
  if (result == 0) expected.insert(expected.begin(), room, 0);
  EXPECT_EQ(bytes(), expected);
  EXPECT_TRUE(region_is_current());
  EXPECT_EQ(packet().meta.mac_header, packet().at(0));
  EXPECT_EQ(packet().offset_of(packet().meta.network_header),
            14 + static_cast<std::int32_t>(result == 0 ? room : 0));
}
INSTANTIATE_TEST_SUITE_P(Rooms, ChangeHead,
                         ::testing::Values(HeadCase{0, 0, 0}, HeadCase{14, 0, 0}, HeadCase{256, 0, 0},
                                           HeadCase{257, 0, 0}, HeadCase{16002, 0, 0},
                                           HeadCase{16003, 0, -EINVAL}, HeadCase{0x8000'0000, 0, -EINVAL},
                                           HeadCase{0xffff'ffff, 0, -EINVAL}, HeadCase{14, 1, -EINVAL}));

TEST_F(PacketShape, HeadGivesAnL3PacketAMacHeader) {
  use_udp().pull(14);
  packet().meta.mac_header = kUnset;
  packet().meta.mac_len = 0;
  EXPECT_EQ(call_skb("skb_change_head", 14, 0), 0);
  EXPECT_EQ(packet().meta.mac_len, 14);
  EXPECT_EQ(packet().offset_of(packet().meta.network_header), 14);
}

TEST_F(PacketShape, HeadHasNoLimitForASuperPacketButMemory) {
  use_udp().meta.gso = {.type = kGsoUdpL4, .size = 10};
  EXPECT_EQ(call_skb("skb_change_head", 20000, 0), 0);
  EXPECT_EQ(call_skb("skb_change_head", 0x7000'0000, 0), -ENOMEM);
}

TEST_F(PacketShape, HeadKeepsTheMetadataAreaInFrontOfData) {
  use_udp().meta.meta_len = 4;
  std::memcpy(packet().data() - 4, "meta", 4);
  EXPECT_EQ(call_skb("skb_change_head", 14, 0), 0);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(packet().data()) - 4, 4), "meta");
  EXPECT_EQ(bytes()[0], 0);
  EXPECT_TRUE(region_is_current());
}

}  // namespace
}  // namespace netkit::bpf
