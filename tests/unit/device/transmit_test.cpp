// The transmit routine of netkit: when a packet is refused at its door, what every verdict does, and what is
// counted (docs/spec/netkit-device.md 8.2, 8.5, 8.6).
#include <gtest/gtest.h>

#include "device/dummy.h"
#include "fixture.h"

namespace netkit::device {
namespace {

class TransmitTest : public DeviceTest {
 protected:
  // Segments of 1400 bytes.
  static PacketBuilder tcp_super_packet(std::uint32_t payload) {
    PacketBuilder builder;
    builder.ethernet(kPrimaryMac, kPeerMac).ip("10.0.0.1", "10.0.0.2").tcp(1, 2).pattern(payload).gso(1400);
    return builder;
  }
};

TEST_F(TransmitTest, APacketOfASingleDeviceIsAlwaysDropped) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3);
  spec.pairing = NetkitPairing::kSingle;
  create(spec);
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kNoPeer), 1U);
}

TEST_F(TransmitTest, TheRoutineDropsWhenTheOtherEndIsDown) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(peer_->set_up(rtnl, false));
  }
  EXPECT_EQ(transmit_routine(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
  EXPECT_EQ(peer_->stats(), LinkStats{});
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kPeerDown), 1U);
}

TEST_F(TransmitTest, TheQueueingLayerDropsWhenThereIsNoCarrier) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(peer_->set_up(rtnl, false));
  }
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kCongestion);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kNoCarrier), 1U);
}

TEST_F(TransmitTest, TcxEgressProgramsHaveRunBeforeThePacketDiesForWantOfCarrier) {
  create(pair_spec(NetkitMode::kL2), false);
  const bpf::ProgramRef seen = returning(-1);
  attach(primary_->tcx_egress, seen);
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kCongestion);
  EXPECT_EQ(seen->counters[0].runs.get(), 1U);
}

TEST_F(TransmitTest, FewerBytesThanAnEthernetHeaderAreDropped) {
  create(pair_spec(NetkitMode::kL2));
  PacketPtr tiny = packet();
  tiny->trim(13);
  EXPECT_EQ(transmit(*primary_, std::move(tiny)), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kTooShort), 1U);
}

TEST_F(TransmitTest, AHeaderOutsideTheLinearPartIsMadeLinear) {
  create(pair_spec(NetkitMode::kL2));
  PacketPtr sent = packet();
  sent->set_linear_len(4);
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_GE(received->linear_len(), kEthernetHeader);
}

TEST_F(TransmitTest, WithoutProgramsTheDefaultPolicyDecides) {
  NetkitSpec spec = pair_spec(NetkitMode::kL2);
  spec.primary.policy = NetkitPolicy::kDrop;
  create(spec);
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kPolicy), 1U);
  {
    const Rtnl rtnl = network_.lock();
    primary_->set_policy(rtnl, NetkitPolicy::kPass);
  }
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
}

TEST_F(TransmitTest, WithAProgramTheDefaultPolicyIsNotAsked) {
  NetkitSpec spec = pair_spec(NetkitMode::kL2);
  spec.primary.policy = NetkitPolicy::kDrop;
  create(spec);
  attach(primary_->programs, returning(-1));
  EXPECT_NE(deliver(packet()), nullptr);
}

TEST_F(TransmitTest, TheListEndsAtTheFirstVerdictThatIsNotNext) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef first = returning(-1);
  const bpf::ProgramRef second = returning(0);
  const bpf::ProgramRef third = returning(2);
  for (const auto& one : {first, second, third}) attach(primary_->programs, one);
  EXPECT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(first->counters[0].runs.get(), 1U);
  EXPECT_EQ(second->counters[0].runs.get(), 1U);
  EXPECT_EQ(third->counters[0].runs.get(), 0U);
}

TEST_F(TransmitTest, FieldsGoFromOneProgramToTheNextAndAreNotClearedOnEntry) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, program("w2 = 7; *(u32 *)(r1 +48) = r2; w0 = -1; exit"));               // cb[0]
  attach(primary_->programs, program("r2 = *(u32 *)(r1 +48); *(u32 *)(r1 +8) = r2; w0 = 0; exit"));  // mark
  PacketPtr sent = packet();
  sent->meta.cb[1] = 9;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.mark, 7U);
  EXPECT_EQ(received->meta.cb[1], 9U);
}

TEST_F(TransmitTest, ProgramsOfAnEndRunOnlyForWhatThatEndSends) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef of_peer = returning(2);
  attach(peer_->programs, of_peer);
  EXPECT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(of_peer->counters[0].runs.get(), 0U);
  EXPECT_EQ(transmit(*peer_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(of_peer->counters[0].runs.get(), 1U);
}

TEST_F(TransmitTest, ProgramsSeeTheOtherEndsNumberAndTheFrameFromItsEthernetHeader) {
  create(pair_spec(NetkitMode::kL3));
  attach(primary_->programs,
         program("r2 = *(u32 *)(r1 +40); *(u32 *)(r1 +8) = r2; "   // mark = ifindex
                 "r2 = *(u32 *)(r1 +36); *(u32 *)(r1 +48) = r2; "  // cb[0] = ingress_ifindex
                 "r3 = *(u32 *)(r1 +76); r2 = *(u8 *)(r3 +14); *(u32 *)(r1 +52) = r2; w0 = 0; exit"));
  PacketPtr sent = packet(MacAddress{});
  sent->meta.skb_iif = 77;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.mark, peer_->ifindex());
  EXPECT_EQ(received->meta.cb[0], 0U);
  EXPECT_EQ(received->meta.cb[1], 0x45U);  // first byte of the IP header
}

TEST_F(TransmitTest, AProgramThatFaultsDropsWithAReasonOfItsOwn) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, program("r3 = *(u32 *)(r1 +76); r2 = *(u8 *)(r3 +5000); w0 = 0; exit"));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kProgFault), 1U);
}

TEST_F(TransmitTest, WhatWaitsInTheBacklogIsNotDeliveredFromInsideTheTransmission) {
  create(pair_spec(NetkitMode::kL2));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  EXPECT_TRUE(inbox_.packets.empty());
  settle();
  EXPECT_EQ(inbox_.packets.size(), 1U);
}

TEST_F(TransmitTest, PacketsArriveInTheOrderInWhichTheyWereSent) {
  create(pair_spec(NetkitMode::kL2));
  for (std::uint32_t i = 0; i < 200; ++i) {
    PacketPtr sent = packet();
    sent->meta.cb[0] = i;
    (void)transmit(*primary_, std::move(sent));
  }
  settle();
  ASSERT_EQ(inbox_.packets.size(), 200U);
  for (std::uint32_t i = 0; i < 200; ++i) EXPECT_EQ(inbox_.packets[i]->meta.cb[0], i);
}

TEST_F(TransmitTest, ReceiversMtuIsNotAsked) {
  NetkitSpec spec = pair_spec(NetkitMode::kL2);
  spec.peer.generic.mtu = 68;
  create(spec);
  EXPECT_NE(deliver(frame().pattern(1200).build(pool_)), nullptr);
}

TEST_F(TransmitTest, AVlanTagBesideTheBytesStaysThere) {
  create(pair_spec(NetkitMode::kL2));
  const Packet* const received = deliver(PacketBuilder()
                                             .ethernet(kPrimaryMac, kPeerMac)
                                             .vlan_tag(7)
                                             .ip("10.0.0.1", "10.0.0.2")
                                             .udp(1, 2)
                                             .build(pool_));
  ASSERT_NE(received, nullptr);
  EXPECT_TRUE(received->meta.vlan.present);
  EXPECT_EQ(received->meta.vlan.tci, 7U);
}

TEST_F(TransmitTest, ASuperPacketBelowTheLimitsPassesWhole) {
  create(pair_spec(NetkitMode::kL2));
  const Packet* const received = deliver(tcp_super_packet(30'000).build(pool_));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(inbox_.packets.size(), 1U);
  EXPECT_EQ(received->meta.gso.size, 1400U);
  EXPECT_EQ(received->meta.csum.state, ChecksumState::kPartial);
  EXPECT_EQ(primary_->stats().tx_packets, 1U);
}

TEST_F(TransmitTest, ASuperPacketOverTheLimitIsCutBeforeTheDriver) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    primary_->set_gso_max_size(rtnl, 10'000);
  }
  (void)deliver(tcp_super_packet(14'000).build(pool_));
  EXPECT_EQ(inbox_.packets.size(), 10U);
  EXPECT_EQ(primary_->stats().tx_packets, 10U);
  EXPECT_EQ(primary_->transmit_totals().segmented, 1U);
  expect_balanced(primary_->transmit_totals());
}

TEST_F(TransmitTest, ASuperPacketOfTooManySegmentsIsCutBeforeTheDriver) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    primary_->set_gso_max_segs(rtnl, 9);
  }
  (void)deliver(tcp_super_packet(14'000).build(pool_));
  EXPECT_EQ(inbox_.packets.size(), 10U);
}

TEST_F(TransmitTest, ABigTcpPacketPassesWithItsTrueLengthInTheMetadataAlone) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    primary_->set_gso_ipv4_max_size(rtnl, kTsoMaxSize);
  }
  attach(primary_->programs,
         program("r3 = *(u32 *)(r1 +76); r2 = *(u16 *)(r3 +16); *(u32 *)(r1 +48) = r2; "  // IP length
                 "r2 = *(u32 *)(r1 +0); *(u32 *)(r1 +52) = r2; w0 = 0; exit"));
  const Packet* const received = deliver(tcp_super_packet(140'000).build(pool_));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(inbox_.packets.size(), 1U);
  EXPECT_EQ(received->meta.cb[0], 0U);
  EXPECT_EQ(received->meta.cb[1], 140'000U + 54);
}

// ---- every verdict, with both ends' counters ----

struct VerdictCase {
  std::int32_t verdict;
  TransmitStatus status;
  bool delivered;
  bool redirected;
};

class VerdictTest : public DeviceTest, public ::testing::WithParamInterface<VerdictCase> {};

TEST_P(VerdictTest, CountsAtBothEnds) {
  const VerdictCase& expected = GetParam();
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, returning(expected.verdict));
  PacketPtr sent = packet();
  const std::uint32_t length = sent->len();
  EXPECT_EQ(transmit(*primary_, std::move(sent)), expected.status);
  settle();

  const bool counted_as_sent = expected.delivered || expected.redirected;
  LinkStats owner;
  owner.tx_packets = counted_as_sent ? 1 : 0;
  owner.tx_bytes = counted_as_sent ? length : 0;
  owner.tx_dropped = counted_as_sent ? 0 : 1;
  LinkStats other;
  other.rx_packets = expected.delivered ? 1 : 0;
  other.rx_bytes = expected.delivered ? length : 0;
  EXPECT_EQ(primary_->stats(), owner);
  EXPECT_EQ(peer_->stats(), other);
  EXPECT_EQ(inbox_.packets.size(), expected.delivered ? 1U : 0U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kVerdict), counted_as_sent ? 0U : 1U);
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->receive_totals());
}

INSTANTIATE_TEST_SUITE_P(AllVerdicts, VerdictTest,
                         ::testing::Values(VerdictCase{-1, TransmitStatus::kSuccess, true, false},
                                           VerdictCase{0, TransmitStatus::kSuccess, true, false},
                                           VerdictCase{7, TransmitStatus::kSuccess, false, true},
                                           VerdictCase{2, TransmitStatus::kDrop, false, false},
                                           VerdictCase{1, TransmitStatus::kDrop, false, false},
                                           VerdictCase{3, TransmitStatus::kDrop, false, false},
                                           VerdictCase{4, TransmitStatus::kDrop, false, false},
                                           VerdictCase{5, TransmitStatus::kDrop, false, false},
                                           VerdictCase{6, TransmitStatus::kDrop, false, false},
                                           VerdictCase{8, TransmitStatus::kDrop, false, false},
                                           VerdictCase{100, TransmitStatus::kDrop, false, false},
                                           VerdictCase{-2, TransmitStatus::kDrop, false, false},
                                           VerdictCase{0x7fffffff, TransmitStatus::kDrop, false, false}),
                         [](const auto& tested) {
                           const std::int32_t verdict = tested.param.verdict;
                           return verdict < 0 ? "Minus" + std::to_string(-verdict) : std::to_string(verdict);
                         });

TEST_F(TransmitTest, BytesAreCountedAsTheyWereOnEntry) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, program("r2 = 60; r3 = 0; call 38; w0 = 0; exit"));  // bpf_skb_change_tail
  PacketPtr sent = frame().pattern(400).build(pool_);
  const std::uint32_t length = sent->len();
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->len(), 60U);
  EXPECT_EQ(primary_->stats().tx_bytes, length);
  EXPECT_EQ(peer_->stats().rx_bytes, length);
}

TEST_F(TransmitTest, ABatchAnswersWithTheLastLossAndCountsEachPacket) {
  create(pair_spec(NetkitMode::kL2));
  const rcu::Section section;
  PacketBatch batch;
  batch.push(packet());
  batch.push(packet());
  batch[1]->trim(10);
  batch.push(packet());
  EXPECT_EQ(execution().transmit(*primary_, batch), TransmitStatus::kDrop);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(primary_->stats().tx_packets, 2U);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
}

// ---- the receive backlog ----

TEST_F(TransmitTest, AFullBacklogCountsADropAtBothEnds) {
  backlog_limit_ = 3;
  create(pair_spec(NetkitMode::kL2));
  // One more than the limit waits: the kernel refuses only above it.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats().tx_packets, 4U);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
  EXPECT_EQ(peer_->stats().rx_packets, 4U);
  EXPECT_EQ(peer_->stats().rx_dropped, 1U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kBacklogFull), 1U);
  settle();
  EXPECT_EQ(inbox_.packets.size(), 4U);
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->receive_totals());
}

TEST_F(TransmitTest, TheDefaultBacklogHoldsAThousandAndOne) {
  create(pair_spec(NetkitMode::kL2));
  for (int i = 0; i < 1100; ++i) (void)transmit(*primary_, packet());
  EXPECT_EQ(peer_->stats().rx_packets, 1001U);
  EXPECT_EQ(peer_->stats().rx_dropped, 99U);
}

TEST_F(TransmitTest, WhatWaitsForADeviceThatGoesIsDroppedAndCounted) {
  create(pair_spec(NetkitMode::kL2));
  (void)transmit(*primary_, packet());
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.delete_device(rtnl, *primary_));
  }
  settle();
  EXPECT_TRUE(inbox_.packets.empty());
  EXPECT_EQ(lost(peer_->receive_totals(), DropReason::kShutdown), 1U);
  expect_balanced(peer_->receive_totals());
}

}  // namespace
}  // namespace netkit::device
