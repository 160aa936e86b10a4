// What a packet loses and keeps when it crosses a pair, and what type it has
// (docs/spec/netkit-device.md 8.3, 8.4).
#include <gtest/gtest.h>

#include "fixture.h"

namespace netkit::device {
namespace {

using ScrubTest = DeviceTest;

// ---- rows A, B and "never" ----

TEST_F(ScrubTest, IncomingInterfaceDfFlagAndTunnelGoEvenInsideOneNamespaceWithScrubNone) {
  NetkitSpec spec = pair_spec(NetkitMode::kL2, true);
  spec.primary.scrub = NetkitScrub::kNone;
  create(spec);
  PacketPtr sent = packet();
  sent->meta.skb_iif = 5;
  sent->meta.ignore_df = true;
  sent->meta.tunnel = TunnelPtr::make();
  sent->meta.pkt_type = PacketType::kOutgoing;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.skb_iif, peer_->ifindex());  // set anew by the receive side
  EXPECT_FALSE(received->meta.ignore_df);
  EXPECT_FALSE(received->meta.tunnel);
  EXPECT_EQ(received->meta.pkt_type, PacketType::kHost);
}

TEST_F(ScrubTest, SocketHashQueueCbAndTcFieldsStay) {
  create(pair_spec(NetkitMode::kL2));
  PacketPtr sent = packet();
  sent->meta.socket = 11;
  sent->meta.hash = 0x1234;
  sent->meta.queue_mapping = 3;
  sent->meta.cb = {1, 2, 3, 4, 5};
  sent->meta.tc_index = 6;
  sent->meta.tc_classid = 7;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.socket, 11U);
  EXPECT_EQ(received->meta.hash, 0x1234U);
  EXPECT_EQ(received->meta.queue_mapping, 3U);
  EXPECT_EQ(received->meta.cb, (std::array<std::uint32_t, 5>{1, 2, 3, 4, 5}));
  EXPECT_EQ(received->meta.tc_index, 6U);
  EXPECT_EQ(received->meta.tc_classid, 7U);
}

struct TimestampCase {
  TimestampType type;
  bool same_namespace;
  NetkitScrub scrub;
  bool kept;
};

class TimestampTest : public DeviceTest, public ::testing::WithParamInterface<TimestampCase> {};

TEST_P(TimestampTest, OnlyAWallClockTimeGoesAndOnlyBetweenNamespaces) {
  const TimestampCase& tested = GetParam();
  NetkitSpec spec = pair_spec(NetkitMode::kL2, tested.same_namespace);
  spec.primary.scrub = tested.scrub;
  create(spec);
  PacketPtr sent = packet();
  sent->meta.tstamp = 1'000'000;
  sent->meta.tstamp_type = tested.type;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.tstamp, tested.kept ? 1'000'000 : 0);
}

INSTANTIATE_TEST_SUITE_P(
    Timestamps, TimestampTest,
    ::testing::Values(TimestampCase{TimestampType::kRealtime, false, NetkitScrub::kDefault, false},
                      TimestampCase{TimestampType::kRealtime, false, NetkitScrub::kNone, false},
                      TimestampCase{TimestampType::kRealtime, true, NetkitScrub::kDefault, true},
                      TimestampCase{TimestampType::kMonotonic, false, NetkitScrub::kDefault, true},
                      TimestampCase{TimestampType::kMonotonic, true, NetkitScrub::kDefault, true},
                      TimestampCase{TimestampType::kTai, false, NetkitScrub::kDefault, true},
                      TimestampCase{TimestampType::kTai, false, NetkitScrub::kNone, true}));

// ---- row C: {same namespace, other} x {own setting} x {the other end's setting} x {direction} ----

class MarkTest : public DeviceTest,
                 public ::testing::WithParamInterface<std::tuple<bool, NetkitScrub, NetkitScrub, bool>> {};

TEST_P(MarkTest, GoWithPriorityWhereNamespacesDifferAndTheSenderScrubs) {
  const auto [same_namespace, scrub, peer_scrub, peer_sends] = GetParam();
  NetkitSpec spec = pair_spec(NetkitMode::kL2, same_namespace);
  spec.primary.scrub = scrub;
  spec.peer.scrub = peer_scrub;
  create(spec);
  {
    const Rtnl rtnl = network_.lock();
    primary_->set_upper_port(rtnl, &inbox_);
  }
  Netkit& sender = peer_sends ? *peer_ : *primary_;
  PacketPtr sent = packet(peer_sends ? kPrimaryMac : kPeerMac);
  sent->meta.mark = 11;
  sent->meta.priority = 22;
  (void)transmit(sender, std::move(sent));
  settle();
  ASSERT_EQ(inbox_.packets.size(), 1U);
  const PacketMeta& received = inbox_.packets.front()->meta;
  const bool cleared = !same_namespace && (peer_sends ? peer_scrub : scrub) == NetkitScrub::kDefault;
  EXPECT_EQ(received.mark, cleared ? 0U : 11U);
  EXPECT_EQ(received.priority, cleared ? 0U : 22U);
}

INSTANTIATE_TEST_SUITE_P(AllSettings, MarkTest,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(NetkitScrub::kNone, NetkitScrub::kDefault),
                                            ::testing::Values(NetkitScrub::kNone, NetkitScrub::kDefault),
                                            ::testing::Bool()));

TEST_F(ScrubTest, ProgramsSeeClearedMarksAndWhatTheyWriteArrives) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs,
         program("r2 = *(u32 *)(r1 +8); *(u32 *)(r1 +48) = r2; "  // cb[0] = mark
                 "w2 = 33; *(u32 *)(r1 +8) = r2; w2 = 44; *(u32 *)(r1 +32) = r2; w0 = 0; exit"));
  PacketPtr sent = packet();
  sent->meta.mark = 11;
  sent->meta.cb[0] = 99;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.cb[0], 0U);
  EXPECT_EQ(received->meta.mark, 33U);
  EXPECT_EQ(received->meta.priority, 44U);
}

TEST_F(ScrubTest, AfterAMoveIntoTheSameNamespaceMarksStay) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.move_device(rtnl, *peer_, *host_));
    ASSERT_TRUE(peer_->set_up(rtnl, true));
  }
  PacketPtr sent = packet();
  sent->meta.mark = 11;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.mark, 11U);
}

// ---- packet type ----

struct TypeCase {
  NetkitMode mode;
  MacAddress destination;
  PacketType type;
};

class PacketTypeTest : public DeviceTest, public ::testing::WithParamInterface<TypeCase> {};

TEST_P(PacketTypeTest, ProgramsSeeWhatTheDestinationAddressMeansToTheOtherEnd) {
  const TypeCase& tested = GetParam();
  create(pair_spec(tested.mode));
  attach(primary_->programs,
         program("r2 = *(u32 *)(r1 +4); *(u32 *)(r1 +8) = r2; w0 = 0; exit"));  // mark = pkt_type
  const Packet* const received = deliver(packet(tested.destination));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.mark, static_cast<std::uint32_t>(tested.type));
  EXPECT_EQ(received->meta.pkt_type, tested.type);
}

INSTANTIATE_TEST_SUITE_P(BothModes, PacketTypeTest,
                         ::testing::Values(TypeCase{NetkitMode::kL2, kPeerMac, PacketType::kHost},
                                           TypeCase{NetkitMode::kL2, kStrangerMac, PacketType::kOtherhost},
                                           TypeCase{NetkitMode::kL2, MacAddress{}, PacketType::kOtherhost},
                                           TypeCase{NetkitMode::kL2, kBroadcastMac, PacketType::kBroadcast},
                                           TypeCase{NetkitMode::kL2, MacAddress{{1, 0, 0x5e, 0, 0, 1}},
                                                    PacketType::kMulticast},
                                           TypeCase{NetkitMode::kL3, MacAddress{}, PacketType::kHost},
                                           TypeCase{NetkitMode::kL3, kStrangerMac, PacketType::kOtherhost},
                                           TypeCase{NetkitMode::kL3, kBroadcastMac, PacketType::kBroadcast},
                                           TypeCase{NetkitMode::kL3, MacAddress{{0x33, 0x33, 0, 0, 0, 1}},
                                                    PacketType::kMulticast}));

TEST_F(ScrubTest, ABroadcastAddressOfItsOwnCountsForTheTypeBroadcast) {
  create(pair_spec(NetkitMode::kL2));
  const MacAddress group{{1, 2, 3, 4, 5, 6}};
  {
    const Rtnl rtnl = network_.lock();
    peer_->set_broadcast(rtnl, group);
  }
  EXPECT_EQ(deliver(packet(group))->meta.pkt_type, PacketType::kBroadcast);
  EXPECT_EQ(deliver(packet(kBroadcastMac))->meta.pkt_type, PacketType::kMulticast);
}

TEST_F(ScrubTest, TypeAndProtocolAreNotWorkedOutAgainAfterThePrograms) {
  create(pair_spec(NetkitMode::kL2));
  // The destination becomes the peer's address and the EtherType that of ARP.
  attach(primary_->programs, program("r3 = *(u32 *)(r1 +76); w2 = 0xa1; *(u8 *)(r3 +5) = r2; "
                                     "w2 = 0x06; *(u8 *)(r3 +13) = r2; w0 = 0; exit"));
  const Packet* const received = deliver(packet(kStrangerMac));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->data()[5], 0xa1);
  EXPECT_EQ(received->meta.pkt_type, PacketType::kOtherhost);
  EXPECT_EQ(received->meta.protocol, kProtoIpv4);
}

}  // namespace
}  // namespace netkit::device
