// Verdict REDIRECT: where a packet goes by each helper, what is counted, and how nesting ends
// (docs/spec/netkit-device.md 8.6, 13; docs/spec/redirect-and-forwarding.md).
#include <gtest/gtest.h>

#include "device/dummy.h"
#include "fixture.h"

namespace netkit::device {
namespace {

constexpr int kPeerHelper = 155;

class RedirectTest : public DeviceTest {
 protected:
  // In the peer's namespace, where the numbers of redirects from the primary are looked up.
  DeviceRef add_dummy(bool up = true) { return add_dummy(*pod_, 0, up); }
  DeviceRef add_dummy(Namespace& netns, IfIndex ifindex, bool up = true) {
    DeviceRef dummy = adopt_device(std::make_unique<Dummy>(network_, DeviceSettings{}));
    const Rtnl rtnl = network_.lock();
    EXPECT_TRUE(network_.register_device(rtnl, dummy, netns, "d%d", ifindex));
    EXPECT_TRUE(dummy->set_up(rtnl, up));
    return dummy;
  }
  // Nothing was delivered, and the owner counted the packet as sent all the same.
  void expect_counted_as_sent(std::uint64_t packets = 1) {
    EXPECT_EQ(primary_->stats().tx_packets, packets);
    EXPECT_EQ(primary_->stats().tx_dropped, 0U);
    EXPECT_EQ(peer_->stats(), LinkStats{});
    expect_balanced(primary_->transmit_totals());
  }
  // Programs refer to numbers, so the list is filled after the devices are there.
  void steer(const bpf::ProgramRef& program) { attach(primary_->programs, program); }
};

TEST_F(RedirectTest, ToANumberThatNoDeviceHasIsLostAndCountedAsSent) {
  create(pair_spec(NetkitMode::kL2));
  steer(redirecting(99'999));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  expect_counted_as_sent();
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kRedirectNoTarget), 1U);
}

TEST_F(RedirectTest, WithoutAHelperCallIsLostAndCountedAsSent) {
  create(pair_spec(NetkitMode::kL2));
  steer(returning(7));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  expect_counted_as_sent();
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kRedirectNoTarget), 1U);
}

TEST_F(RedirectTest, ToADeviceGoesOutOfItWithTheLengthOnEntryCounted) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy();
  steer(redirecting(dummy->ifindex()));
  PacketPtr sent = packet();
  const std::uint32_t length = sent->len();
  EXPECT_EQ(transmit(*primary_, std::move(sent)), TransmitStatus::kSuccess);
  expect_counted_as_sent();
  EXPECT_EQ(primary_->stats().tx_bytes, length);
  EXPECT_EQ(dummy->stats().tx_packets, 1U);
  EXPECT_EQ(primary_->transmit_totals().redirected, 1U);
}

TEST_F(RedirectTest, NumbersAreLookedUpInTheOtherEndsNamespace) {
  create(pair_spec(NetkitMode::kL2));
  constexpr IfIndex kNumber = 50;
  const DeviceRef in_host = add_dummy(*host_, kNumber);
  const DeviceRef in_pod = add_dummy(*pod_, kNumber);
  steer(redirecting(kNumber));
  (void)transmit(*primary_, packet());
  EXPECT_EQ(in_host->stats().tx_packets, 0U);
  EXPECT_EQ(in_pod->stats().tx_packets, 1U);
}

TEST_F(RedirectTest, ToADeviceThatIsDownCountsTheDropThere) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy(false);
  steer(redirecting(dummy->ifindex()));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  expect_counted_as_sent();
  EXPECT_EQ(dummy->stats().tx_dropped, 1U);
  EXPECT_EQ(lost(dummy->transmit_totals(), DropReason::kDeviceDown), 1U);
}

TEST_F(RedirectTest, IntoTheReceiveSideLosesPriorityKeepsMarkAndMovesNoReceiveCounter) {
  create(pair_spec(NetkitMode::kL2, true));
  steer(redirecting(peer_->ifindex(), bpf::kRedirectIngress));
  PacketPtr sent = packet();
  sent->meta.mark = 11;
  sent->meta.priority = 22;
  const Packet* const received = deliver(std::move(sent));
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->meta.mark, 11U);
  EXPECT_EQ(received->meta.priority, 0U);
  EXPECT_EQ(peer_->stats().rx_packets, 0U);
  expect_balanced(peer_->receive_totals());
}

TEST_F(RedirectTest, IntoTheReceiveSideOfADeviceThatIsDownCountsTheDropThere) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy(false);
  steer(redirecting(dummy->ifindex(), bpf::kRedirectIngress));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  expect_counted_as_sent();
  EXPECT_EQ(dummy->stats().rx_dropped, 1U);
  expect_balanced(dummy->receive_totals());
}

TEST_F(RedirectTest, BadFlagsMakeTheHelperAnswerDrop) {
  create(pair_spec(NetkitMode::kL2));
  steer(redirecting(1, 0x10));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats().tx_dropped, 1U);
}

TEST_F(RedirectTest, ATargetThatAnEarlierProgramNamedCounts) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy();
  attach(primary_->programs,
         program("r1 = " + std::to_string(dummy->ifindex()) + "; r2 = 0; call 23; w0 = -1; exit"));
  attach(primary_->programs, returning(7));
  (void)transmit(*primary_, packet());
  EXPECT_EQ(dummy->stats().tx_packets, 1U);
}

TEST_F(RedirectTest, ATargetIsForgottenWithThePacketThatDidNotTakeIt) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy();
  const bpf::ProgramRef names =
      program("r1 = " + std::to_string(dummy->ifindex()) + "; r2 = 0; call 23; w0 = 0; exit");
  attach(primary_->programs, names);
  (void)transmit(*primary_, packet());
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(primary_->programs.detach(rtnl, {.program = names}));
  }
  attach(primary_->programs, returning(7));
  (void)transmit(*primary_, packet());
  EXPECT_EQ(dummy->stats().tx_packets, 0U);
}

TEST_F(RedirectTest, RedirectPeerFromANetkitProgramIsLost) {
  create(pair_spec(NetkitMode::kL2));
  steer(redirecting(peer_->ifindex(), 0, kPeerHelper));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  settle();
  expect_counted_as_sent();
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kRedirectNoPeer), 1U);
}

TEST_F(RedirectTest, RedirectPeerFromAnIngressHookEntersTheOtherNamespaceAtOnce) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef wire = add_dummy(*host_, 0);
  const bpf::ProgramRef not_run = returning(2);
  attach(primary_->programs, not_run);
  attach(wire->tcx_ingress, redirecting(primary_->ifindex(), 0, kPeerHelper));
  PacketPtr arriving = packet();
  arriving->meta.mark = 11;
  {
    const rcu::Section section;
    PacketBatch batch;
    batch.push(std::move(arriving));
    execution().receive(*wire, batch);
    execution().flush();
  }
  ASSERT_EQ(inbox_.packets.size(), 1U);
  EXPECT_EQ(inbox_.packets.front()->meta.mark, 11U);
  EXPECT_EQ(not_run->counters[0].runs.get(), 0U);
  EXPECT_EQ(peer_->stats().rx_packets, 1U);
  EXPECT_EQ(primary_->stats(), LinkStats{});
  EXPECT_EQ(wire->receive_totals().redirected, 1U);
  expect_balanced(wire->receive_totals());
}

TEST_F(RedirectTest, RedirectPeerInsideOneNamespaceIsLost) {
  create(pair_spec(NetkitMode::kL2, true));
  attach(primary_->tcx_ingress, redirecting(primary_->ifindex(), 0, kPeerHelper));
  {
    const rcu::Section section;
    PacketBatch batch;
    batch.push(packet());
    execution().receive(*primary_, batch);
  }
  EXPECT_EQ(lost(primary_->receive_totals(), DropReason::kRedirectNoPeer), 1U);
}

TEST_F(RedirectTest, RedirectNeighWithoutNeighbourLayerIsLostWithItsReason) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy();
  steer(program("r1 = " + std::to_string(dummy->ifindex()) + "; r2 = 0; r3 = 0; r4 = 0; call 152; exit"));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kNeighFailed), 1U);
  expect_counted_as_sent();
}

TEST_F(RedirectTest, AProgramThatRedirectsToItsOwnDeviceRunsUntilTheRecursionLimit) {
  create(pair_spec(NetkitMode::kL2, true));
  const bpf::ProgramRef loop = redirecting(primary_->ifindex());
  steer(loop);
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  EXPECT_EQ(loop->counters[0].runs.get(), 5U);
  expect_counted_as_sent(5);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kRecursion), 1U);
}

TEST_F(RedirectTest, TwoPairsThatRedirectToEachOtherEndToo) {
  create(pair_spec(NetkitMode::kL2, true));
  steer(redirecting(peer_->ifindex()));
  attach(peer_->programs, redirecting(primary_->ifindex()));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  const std::uint64_t recursion = lost(primary_->transmit_totals(), DropReason::kRecursion) +
                                  lost(peer_->transmit_totals(), DropReason::kRecursion);
  EXPECT_EQ(recursion, 1U);
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->transmit_totals());
}

TEST_F(RedirectTest, CloneRedirectSendsACopyAndTheOriginalGoesOn) {
  create(pair_spec(NetkitMode::kL2));
  const DeviceRef dummy = add_dummy();
  steer(program("r2 = " + std::to_string(dummy->ifindex()) + "; r3 = 0; call 13; w0 = 0; exit"));
  EXPECT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(dummy->stats().tx_packets, 1U);
  EXPECT_EQ(primary_->stats().tx_packets, 1U);
  EXPECT_EQ(peer_->stats().rx_packets, 1U);
}

TEST_F(RedirectTest, ARedirectDoneInsideACloneTakesTheOuterProgramsTarget) {
  // The outer program names a dummy, then clones into a second pair whose program redirects as well.
  create(pair_spec(NetkitMode::kL2, true));
  const DeviceRef outer_target = add_dummy(*host_, 0);
  NetkitSpec second = pair_spec(NetkitMode::kL2, true);
  second.primary.name = "nk2";
  second.peer.name = "nk3";
  std::shared_ptr<Netkit> inner;
  {
    const Rtnl rtnl = network_.lock();
    inner = create_netkit(rtnl, network_, second).value();
    ASSERT_TRUE(inner->set_up(rtnl, true));
    ASSERT_TRUE(inner->other()->set_up(rtnl, true));
  }
  attach(inner->programs, redirecting(99'999));
  steer(program("r6 = r1; r1 = " + std::to_string(outer_target->ifindex()) +
                "; r2 = 0; call 23; r7 = r0; r1 = r6; r2 = " + std::to_string(inner->ifindex()) +
                "; r3 = 0; call 13; r0 = r7; exit"));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  EXPECT_EQ(outer_target->stats().tx_packets, 0U);
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kRedirectNoTarget), 1U);
}

TEST_F(RedirectTest, PacketsToOneTargetKeepTheirOrder) {
  create(pair_spec(NetkitMode::kL2, true));
  steer(redirecting(peer_->ifindex(), bpf::kRedirectIngress));
  {
    const rcu::Section section;
    PacketBatch batch;
    for (std::uint32_t i = 0; i < PacketBatch::kCapacity; ++i) {
      batch.push(packet());
      batch[i]->meta.cb[0] = i;
    }
    (void)execution().transmit(*primary_, batch);
  }
  settle();
  ASSERT_EQ(inbox_.packets.size(), PacketBatch::kCapacity);
  for (std::uint32_t i = 0; i < PacketBatch::kCapacity; ++i) EXPECT_EQ(inbox_.packets[i]->meta.cb[0], i);
}

}  // namespace
}  // namespace netkit::device
