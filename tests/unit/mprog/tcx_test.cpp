// How tcx lists differ from those of netkit when packets meet them: spec mprog-attach.md 10.
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

// Whether the packet goes on behind the list is seen at the other hook: egress before, ingress behind the
// loop.
class TcxFlow : public AttachTest {
 protected:
  // The programs of the egress list, then tc6 at ingress: what ran.
  std::string seen_through(std::initializer_list<int> programs) {
    at({.type = AttachType::kTcxIngress});
    EXPECT_EQ(attach({.prog = tc(6)}), "OK");
    at({.type = AttachType::kTcxEgress});
    for (const int number : programs) EXPECT_EQ(attach({.prog = tc(number)}), "OK");
    return seen_by_ping();
  }
};

TEST_F(TcxFlow, NextAtTheEndOfTheListLetsThePacketGoOn) {
  EXPECT_EQ(seen_through({1, 2}), "tc1 tc2 tc6");
}

TEST_F(TcxFlow, PassEndsTheListAndLetsThePacketGoOn) {
  EXPECT_EQ(seen_through({1, 5, 2}), "tc1 tc5 tc6");
}

TEST_F(TcxFlow, DropEndsTheListAndThePacket) {
  load(20, 2);
  EXPECT_EQ(seen_through({1, 20, 2}), "tc1");
}

TEST_F(TcxFlow, RedirectEndsTheListAndThePacketsWayHere) {
  load(20, 7);
  EXPECT_EQ(seen_through({1, 20, 2}), "tc1");
}

TEST_F(TcxFlow, AnyOtherVerdictEndsTheListAndLetsThePacketGoOn) {
  at({.type = AttachType::kTcxIngress});
  ASSERT_EQ(attach({.prog = tc(6)}), "OK");
  at({.type = AttachType::kTcxEgress});
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  int number = 20;
  int present = 0;
  for (const std::int32_t verdict : {1, 3, 4, 5, 6, 8, 255, -2, 0x7fffffff}) {
    const int program = load(number++, verdict);
    ASSERT_EQ(present == 0 ? attach({.prog = program, .flags = kBefore, .relative = tc(2)})
                           : attach({.prog = program, .flags = kReplace, .replace = present}),
              "OK");
    present = program;
    EXPECT_EQ(seen_by_ping(), "tc1 tc6") << verdict;
  }
}

// Seen by a netkit program behind the egress hook.
TEST_F(TcxFlow, PassSetsTheTrafficIndexFromTheClassId) {
  create_pair();
  set_up("nk0");
  client_->enter(pod_);
  set_up("nk1");
  client_->enter(host_);
  const std::uint32_t nk0 = number_of("nk0");
  at({nk0, AttachType::kNetkitPrimary});
  ASSERT_EQ(attach({.prog = load_text(
                        20, "r2 = *(u32 *)(r1 +44); w0 = 2; if r2 != 7 goto out; w0 = 0; out: exit")}),
            "OK");
  at({nk0, AttachType::kTcxEgress});
  const auto sent = [&] {
    const device::DeviceRef device = [&] {
      const device::Rtnl rtnl = network_.lock();
      return host_->find(rtnl, nk0);
    }();
    const std::uint64_t before = device->stats().tx_packets;
    const rcu::Section section;
    PacketBatch batch;
    batch.push(PacketBuilder().ethernet({}, {}).ip("10.0.0.1", "10.0.0.2").icmp({}).build(pool_));
    (void)execution().transmit(*device, batch);
    execution().settle();
    return device->stats().tx_packets - before;
  };
  EXPECT_EQ(sent(), 0U);
  ASSERT_EQ(attach({.prog = load_text(21, "w2 = 7; *(u32 *)(r1 +72) = r2; w0 = 0; exit")}), "OK");
  EXPECT_EQ(sent(), 1U);
  ASSERT_EQ(attach({.prog = load_text(22, "w2 = 7; *(u32 *)(r1 +72) = r2; w0 = -1; exit"),
                    .flags = kReplace,
                    .replace = tc(21)}),
            "OK");
  EXPECT_EQ(sent(), 0U);
}

}  // namespace
}  // namespace netkit::control
