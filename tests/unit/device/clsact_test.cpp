// Classic filters behind the tcx lists: what each verdict does at each hook, which filters run for which
// packet, what is counted, and how filters come and go (docs/spec/mprog-attach.md 10, tc-bpf-context.md 1,
// redirect-and-forwarding.md 1).
#include <gtest/gtest.h>

#include "device/dummy.h"
#include "device/veth.h"
#include "fixture.h"

namespace netkit::device {
namespace {

constexpr std::string_view kFaulting = "r1 = 0; r0 = *(u64 *)(r1 +0); exit";

class ClsactTest : public DeviceTest {
 protected:
  static Filter filter(const bpf::ProgramRef& program, bool direct_action = true) {
    return {.handle = 1, .program = program, .direct_action = direct_action};
  }
  // Adds a filter; the qdisc is made when it is not there.
  void add(Device& device, Direction direction, Filter added, std::uint16_t priority = 1,
           Be16 protocol = kEveryProtocol, std::uint32_t chain = 0) {
    const Rtnl rtnl = network_.lock();
    if (!device.clsact.kind(rtnl)) device.clsact.install(rtnl, QdiscKind::kClsact);
    device.clsact.block(rtnl, direction)->put(rtnl, chain, priority, protocol, std::move(added));
  }
  [[nodiscard]] static std::uint64_t runs(const bpf::ProgramRef& program) {
    return program->counters[0].runs.get();
  }
  [[nodiscard]] QdiscStats stats(const Device& device) {
    const Rtnl rtnl = network_.lock();
    return device.clsact.stats(rtnl);
  }
  // The hook that packets from the primary to the peer meet first or last, and what is counted there.
  struct Place {
    Device* device = nullptr;
    Direction direction = Direction::kEgress;
    ProgramList* tcx = nullptr;

    [[nodiscard]] FlowTotals flow() const {
      return direction == Direction::kEgress ? device->transmit_totals() : device->receive_totals();
    }
    [[nodiscard]] DropReason drop() const {
      return direction == Direction::kEgress ? DropReason::kEgressVerdict : DropReason::kIngressVerdict;
    }
  };
  Place place(Direction direction) {
    if (direction == Direction::kEgress) return {primary_.get(), direction, &primary_->tcx_egress};
    return {peer_.get(), direction, &peer_->tcx_ingress};
  }
};

// ---- verdicts ----

enum class Fate : std::uint8_t { kNextFilter, kPasses, kDropped, kStolen, kRedirected };

struct VerdictCase {
  std::int32_t verdict;
  Fate direct;  // with direct-action
  Fate listed;  // in a tcx list, with a filter behind it
};

class HookVerdictTest : public ClsactTest,
                        public ::testing::WithParamInterface<std::tuple<Direction, VerdictCase>> {
 protected:
  HookVerdictTest() {
    create(pair_spec(NetkitMode::kL2));
    place_ = place(std::get<0>(GetParam()));
  }
  void expect_fate(Fate fate) {
    const Packet* const received = deliver(packet());
    EXPECT_EQ(received != nullptr, fate == Fate::kNextFilter || fate == Fate::kPasses);
    EXPECT_EQ(runs(next_), fate == Fate::kNextFilter ? 1U : 0U);
    const FlowTotals flow = place_.flow();
    EXPECT_EQ(lost(flow, place_.drop()), fate == Fate::kDropped ? 1U : 0U);
    EXPECT_EQ(lost(flow, DropReason::kStolen), fate == Fate::kStolen ? 1U : 0U);
    // A redirect verdict without a helper call has no target.
    EXPECT_EQ(lost(flow, DropReason::kRedirectNoTarget), fate == Fate::kRedirected ? 1U : 0U);
    expect_balanced(flow);
  }

  Place place_;
  bpf::ProgramRef next_ = returning(-1);
};

TEST_P(HookVerdictTest, OfAFilterWithDirectAction) {
  const VerdictCase& one = std::get<1>(GetParam());
  add(*place_.device, place_.direction, filter(returning(one.verdict)), 1);
  add(*place_.device, place_.direction, filter(next_), 2);
  expect_fate(one.direct);
  EXPECT_EQ(stats(*place_.device).drops, one.direct == Fate::kDropped ? 1U : 0U);
}

TEST_P(HookVerdictTest, OfTheTcxListBeforeTheFilters) {
  const VerdictCase& one = std::get<1>(GetParam());
  attach(*place_.tcx, returning(one.verdict));
  const bpf::ProgramRef second = returning(-1);
  attach(*place_.tcx, second);
  add(*place_.device, place_.direction, filter(next_));
  expect_fate(one.listed);
  EXPECT_EQ(runs(second), one.verdict == -1 ? 1U : 0U);
}

TEST_P(HookVerdictTest, OfAFilterThatOnlyClassifies) {
  const std::int32_t verdict = std::get<1>(GetParam()).verdict;
  add(*place_.device, place_.direction, filter(returning(verdict), false), 1);
  add(*place_.device, place_.direction, filter(next_), 2);
  expect_fate(verdict == 0 ? Fate::kNextFilter : Fate::kPasses);
}

INSTANTIATE_TEST_SUITE_P(
    Verdicts, HookVerdictTest,
    ::testing::Combine(::testing::Values(Direction::kIngress, Direction::kEgress),
                       ::testing::Values(VerdictCase{-1, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{0, Fate::kPasses, Fate::kPasses},
                                         VerdictCase{1, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{2, Fate::kDropped, Fate::kDropped},
                                         VerdictCase{3, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{4, Fate::kStolen, Fate::kNextFilter},
                                         VerdictCase{5, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{6, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{7, Fate::kRedirected, Fate::kRedirected},
                                         VerdictCase{8, Fate::kStolen, Fate::kNextFilter},
                                         VerdictCase{9, Fate::kNextFilter, Fate::kNextFilter},
                                         VerdictCase{0x7fffffff, Fate::kNextFilter, Fate::kNextFilter})),
    [](const auto& params) {
      const std::int32_t verdict = std::get<1>(params.param).verdict;
      return std::string(std::get<0>(params.param) == Direction::kIngress ? "ingress_" : "egress_") +
             (verdict < 0 ? "unspec" : std::to_string(verdict));
    });

TEST_F(ClsactTest, TheSenderIsToldOfADropAtEgressButNotOfATheft) {
  create(pair_spec(NetkitMode::kL2));
  add(*primary_, Direction::kEgress, filter(returning(4)));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kSuccess);
  add(*primary_, Direction::kEgress, filter(returning(2)));
  EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  EXPECT_EQ(primary_->stats(), LinkStats{});
}

TEST_F(ClsactTest, AFaultDropsThePacketAlsoWhenTheProgramOnlyClassifies) {
  create(pair_spec(NetkitMode::kL2));
  for (const bool direct_action : {true, false}) {
    add(*primary_, Direction::kEgress, filter(program(kFaulting), direct_action));
    EXPECT_EQ(transmit(*primary_, packet()), TransmitStatus::kDrop);
  }
  EXPECT_EQ(lost(primary_->transmit_totals(), DropReason::kProgFault), 2U);
}

// ---- classes ----

TEST_F(ClsactTest, OkSetsTcIndexToTheMinorNumberOfTheClass) {
  create(pair_spec(NetkitMode::kL2));
  Filter classifying = filter(returning(0));
  classifying.classid = 0x0001'0042;
  add(*peer_, Direction::kIngress, classifying);
  EXPECT_EQ(deliver(packet())->meta.tc_index, 0x42);

  // tc_classid is the program's to change.
  classifying.program = program("w2 = 7; *(u32 *)(r1 +72) = r2; w0 = 0; exit");
  add(*peer_, Direction::kIngress, classifying);
  EXPECT_EQ(deliver(packet())->meta.tc_index, 7);
}

TEST_F(ClsactTest, AClassifyingProgramReturnsTheClassOrMinusOneForTheDefault) {
  create(pair_spec(NetkitMode::kL2));
  Filter classifying = filter(returning(0x0001'0005), false);
  classifying.classid = 0x0001'0042;
  add(*peer_, Direction::kIngress, classifying);
  EXPECT_EQ(deliver(packet())->meta.tc_index, 5);
  classifying.program = returning(-1);
  add(*peer_, Direction::kIngress, classifying);
  EXPECT_EQ(deliver(packet())->meta.tc_index, 0x42);
}

TEST_F(ClsactTest, PassOfATcxProgramSetsTcIndexAndNoFilterRuns) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef behind = returning(2);
  attach(peer_->tcx_ingress, program("w2 = 9; *(u32 *)(r1 +72) = r2; w0 = 0; exit"));
  add(*peer_, Direction::kIngress, filter(behind));
  EXPECT_EQ(deliver(packet())->meta.tc_index, 9);
  EXPECT_EQ(runs(behind), 0U);
  EXPECT_EQ(stats(*peer_), QdiscStats{});
}

// ---- which filters run, and in which order ----

TEST_F(ClsactTest, FiltersRunByRisingPriorityAndInOnePriorityTheNewestFirst) {
  create(pair_spec(NetkitMode::kL2));
  // Each appends its digit to the mark.
  const auto digit = [](int value) {
    return program("r2 = *(u32 *)(r1 +8); w2 *= 10; w2 += " + std::to_string(value) +
                   "; *(u32 *)(r1 +8) = r2; w0 = -1; exit");
  };
  add(*peer_, Direction::kIngress, {.handle = 1, .program = digit(3), .direct_action = true}, 20);
  add(*peer_, Direction::kIngress, {.handle = 2, .program = digit(2), .direct_action = true}, 20);
  add(*peer_, Direction::kIngress, {.handle = 1, .program = digit(1), .direct_action = true}, 10);
  add(*peer_, Direction::kIngress, {.handle = 1, .program = digit(4), .direct_action = true}, 30);
  EXPECT_EQ(deliver(packet())->meta.mark, 1234U);
}

TEST_F(ClsactTest, AFilterSeesPacketsOfItsProtocolOnly) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef ipv4 = returning(-1), ipv6 = returning(-1), every = returning(-1);
  add(*peer_, Direction::kIngress, filter(ipv4), 1, kProtoIpv4);
  add(*peer_, Direction::kIngress, filter(ipv6), 2, kProtoIpv6);
  add(*peer_, Direction::kIngress, filter(every), 3);
  ASSERT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(runs(ipv4), 1U);
  EXPECT_EQ(runs(ipv6), 0U);
  EXPECT_EQ(runs(every), 1U);
}

TEST_F(ClsactTest, ATaggedPacketHasTheProtocolOfItsTag) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef ipv4 = returning(-1), tagged = returning(-1);
  add(*peer_, Direction::kIngress, filter(ipv4), 1, kProtoIpv4);
  add(*peer_, Direction::kIngress, filter(tagged), 2, kProtoVlan);
  PacketPtr sent = packet();
  sent->meta.vlan = {.present = true, .proto = kProtoVlan, .tci = 5};
  (void)deliver(std::move(sent));
  EXPECT_EQ(runs(ipv4), 0U);
  EXPECT_EQ(runs(tagged), 1U);
}

TEST_F(ClsactTest, OnlyChainZeroRuns) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef elsewhere = returning(2);
  add(*peer_, Direction::kIngress, filter(elsewhere), 1, kEveryProtocol, 5);
  EXPECT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(runs(elsewhere), 0U);
}

TEST_F(ClsactTest, FiltersStandBetweenTheTcxListAndTheNetkitPrograms) {
  create(pair_spec(NetkitMode::kL2));
  const auto digit = [](int value, int verdict) {
    return program("r2 = *(u32 *)(r1 +48); w2 *= 10; w2 += " + std::to_string(value) +
                   "; *(u32 *)(r1 +48) = r2; w0 = " + std::to_string(verdict) + "; exit");
  };
  attach(primary_->tcx_egress, digit(1, -1));
  add(*primary_, Direction::kEgress, filter(digit(2, 0)));
  attach(primary_->programs, digit(3, -1));
  attach(peer_->tcx_ingress, digit(4, 3));  // no verdict that tcx knows
  add(*peer_, Direction::kIngress, filter(digit(5, 0)));
  EXPECT_EQ(deliver(packet())->meta.cb[0], 12345U);
}

TEST_F(ClsactTest, DataBeginsAtTheMacHeaderAtBothHooks) {
  create(pair_spec(NetkitMode::kL2));
  // Drops what is not an IPv4 EtherType at offset 12.
  const std::string_view text =
      "w2 = 12; r3 = r10; r3 += -8; w4 = 2; call 26; r1 = *(u16 *)(r10 -8); w0 = 0;"
      "if r1 == 8 goto out; w0 = 2; out: exit";
  add(*primary_, Direction::kEgress, filter(program(text)));
  add(*peer_, Direction::kIngress, filter(program(text)));
  EXPECT_NE(deliver(packet()), nullptr);
}

// ---- redirects ----

TEST_F(ClsactTest, AFilterRedirectsFromIngressAndFromEgress) {
  create(pair_spec(NetkitMode::kL2));
  DeviceRef dummy = adopt_device(std::make_unique<Dummy>(network_, DeviceSettings{}));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.register_device(rtnl, dummy, *pod_, "d0", 77));
    ASSERT_TRUE(dummy->set_up(rtnl, true));
  }
  add(*peer_, Direction::kIngress, filter(redirecting(77)));
  EXPECT_EQ(deliver(packet()), nullptr);
  EXPECT_EQ(dummy->stats().tx_packets, 1U);
  EXPECT_EQ(peer_->receive_totals().redirected, 1U);

  add(*peer_, Direction::kEgress, filter(redirecting(77)));
  EXPECT_EQ(transmit(*peer_, packet(kPrimaryMac)), TransmitStatus::kSuccess);
  EXPECT_EQ(dummy->stats().tx_packets, 2U);
  EXPECT_EQ(peer_->transmit_totals().redirected, 1U);
}

TEST_F(ClsactTest, RedirectPeerFromAFilterReceivesInTheOtherNamespaceAtOnce) {
  create(pair_spec(NetkitMode::kL2));
  DeviceRef wire = adopt_device(std::make_unique<Dummy>(network_, DeviceSettings{}));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.register_device(rtnl, wire, *host_, "wire", 0));
    ASSERT_TRUE(wire->set_up(rtnl, true));
  }
  constexpr int kPeerHelper = 155;
  const bpf::ProgramRef netkit_program = returning(-1);
  attach(primary_->programs, netkit_program);
  add(*wire, Direction::kIngress, filter(redirecting(primary_->ifindex(), 0, kPeerHelper)));
  const bpf::ProgramRef at_peer = returning(0);
  add(*peer_, Direction::kIngress, filter(at_peer));
  {
    const rcu::Section section;
    PacketBatch batch;
    batch.push(packet());
    execution().receive(*wire, batch);
  }
  settle();
  EXPECT_EQ(inbox_.packets.size(), 1U);
  EXPECT_EQ(runs(at_peer), 1U);
  EXPECT_EQ(runs(netkit_program), 0U);
  EXPECT_EQ(peer_->stats().rx_packets, 1U);
}

// ---- other devices ----

TEST_F(ClsactTest, VethRunsTheFiltersOfBothEnds) {
  auto v0 = std::static_pointer_cast<Veth>(adopt_device(std::make_unique<Veth>(network_, DeviceSettings{})));
  auto v1 = std::static_pointer_cast<Veth>(
      adopt_device(std::make_unique<Veth>(network_, DeviceSettings{.mac = kPeerMac})));
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.register_device(rtnl, v0, *host_, "v0", 0));
    ASSERT_TRUE(network_.register_device(rtnl, v1, *pod_, "v1", 0));
    PairedDevice::join(rtnl, *v0, *v1);
    v1->set_upper_port(rtnl, &inbox_);
    ASSERT_TRUE(v0->set_up(rtnl, true));
    ASSERT_TRUE(v1->set_up(rtnl, true));
  }
  const bpf::ProgramRef out = returning(0), in = returning(0);
  add(*v0, Direction::kEgress, filter(out));
  add(*v1, Direction::kIngress, filter(in));
  EXPECT_EQ(transmit(*v0, packet()), TransmitStatus::kSuccess);
  settle();
  EXPECT_EQ(inbox_.packets.size(), 1U);
  EXPECT_EQ(runs(out), 1U);
  EXPECT_EQ(runs(in), 1U);
}

// ---- counters ----

TEST_F(ClsactTest, TheQdiscCountsReceivedPacketsWithoutTheirEthernetHeader) {
  create(pair_spec(NetkitMode::kL2));
  add(*primary_, Direction::kEgress, filter(returning(0)));
  add(*peer_, Direction::kIngress, filter(returning(0)));
  PacketPtr sent = packet();
  const std::uint32_t length = sent->len();
  ASSERT_NE(deliver(std::move(sent)), nullptr);
  EXPECT_EQ(stats(*primary_), (QdiscStats{.bytes = length, .packets = 1, .drops = 0}));
  EXPECT_EQ(stats(*peer_), (QdiscStats{.bytes = length - 14, .packets = 1, .drops = 0}));
}

TEST_F(ClsactTest, ASuperPacketCountsAsItsSegments) {
  create(pair_spec(NetkitMode::kL2));
  add(*primary_, Direction::kEgress, filter(returning(0)));
  add(*peer_, Direction::kIngress, filter(returning(0)));
  PacketBuilder builder;
  builder.ethernet(kPrimaryMac, kPeerMac).ip("10.0.0.1", "10.0.0.2").tcp(1, 2).pattern(4200).gso(1400);
  ASSERT_NE(deliver(builder.build(pool_)), nullptr);
  EXPECT_EQ(stats(*primary_), (QdiscStats{.bytes = 3 * (14 + 40 + 1400), .packets = 3, .drops = 0}));
  EXPECT_EQ(stats(*peer_), (QdiscStats{.bytes = 3 * (40 + 1400), .packets = 3, .drops = 0}));
}

TEST_F(ClsactTest, WithoutFiltersNothingIsCounted) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    primary_->clsact.install(rtnl, QdiscKind::kClsact);
  }
  ASSERT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(stats(*primary_), QdiscStats{});
}

// ---- coming and going ----

TEST_F(ClsactTest, AProgramIsFreedAGracePeriodAfterItsFilter) {
  create(pair_spec(NetkitMode::kL2));
  bpf::ProgramRef kept = returning(0);
  const std::weak_ptr<const bpf::Program> watched = kept;
  add(*peer_, Direction::kIngress, filter(kept));
  kept.reset();
  {
    const Rtnl rtnl = network_.lock();
    peer_->clsact.block(rtnl, Direction::kIngress)->remove(rtnl, 0, 1, 1);
  }
  rcu::drain();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ClsactTest, ADeviceThatGoesTakesItsFiltersAlong) {
  create(pair_spec(NetkitMode::kL2));
  bpf::ProgramRef kept = returning(0);
  const std::weak_ptr<const bpf::Program> watched = kept;
  add(*peer_, Direction::kEgress, filter(kept));
  kept.reset();
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.delete_device(rtnl, *primary_));
  }
  EXPECT_EQ(peer_->clsact.read(Direction::kEgress), nullptr);
  rcu::drain();
  EXPECT_TRUE(watched.expired());
}

TEST_F(ClsactTest, WhileThereIsAQdiscTheTcxRevisionGoesOnOverAnEmptyList) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef one = returning(0);
  const auto revision = [this] {
    const Rtnl rtnl = network_.lock();
    return peer_->tcx_ingress.reported_revision(rtnl);
  };
  const auto attach_and_detach = [&] {
    attach(peer_->tcx_ingress, one);
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(peer_->tcx_ingress.detach(rtnl, {.program = one}));
  };
  attach_and_detach();
  EXPECT_EQ(revision(), 1U);
  add(*peer_, Direction::kIngress, filter(returning(0)));
  attach_and_detach();
  EXPECT_EQ(revision(), 3U);
  attach(peer_->tcx_ingress, one);
  {
    const Rtnl rtnl = network_.lock();
    peer_->clsact.remove(rtnl);
  }
  EXPECT_EQ(revision(), 4U);
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(peer_->tcx_ingress.detach(rtnl, {.program = one}));
  }
  EXPECT_EQ(revision(), 1U);
}

}  // namespace
}  // namespace netkit::device
