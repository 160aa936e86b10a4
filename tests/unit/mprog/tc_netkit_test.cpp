// The kernel's selftest family tc_netkit, sub-test by sub-test under its names: spec mprog-attach.md 11.3.
// Two hosts stand above the pair; tc8's view of the device's room, which the kernel's test reads from the
// kernel's own structure, is read from ours.
#include <optional>

#include "conformance/test_host.h"
#include "control/uapi.h"
#include "device/namespace.h"
#include "device/netkit.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

using device::NetkitMode;
using device::NetkitScrub;

constexpr std::uint32_t kMark = 42;
constexpr std::uint32_t kPriority = 0xeb9f;
constexpr std::string_view kPeerAddress = "10.0.0.2";
constexpr std::string_view kNobody = "10.0.0.3";

class TcNetkit : public AttachTest {
 protected:
  struct Pair {
    NetkitMode mode = NetkitMode::kL2;
    bool same_namespace = false;
    NetkitScrub scrub = NetkitScrub::kDefault;
    std::uint16_t headroom = 0;
    std::uint16_t tailroom = 0;
  };

  // nk1, whose peer takes the name nk0: only the primary's name is in the request.
  void create(const Pair& pair) {
    Order order;
    order.generic.text(kIflaIfname, "nk1");
    order.data.u32(kNetkitMode, std::to_underlying(pair.mode))
        .u32(kNetkitPolicy, std::to_underlying(device::NetkitPolicy::kPass))
        .u32(kNetkitPeerPolicy, std::to_underlying(device::NetkitPolicy::kPass))
        .u32(kNetkitScrub, std::to_underlying(pair.scrub))
        .u32(kNetkitPeerScrub, std::to_underlying(pair.scrub));
    if (pair.headroom != 0)
      order.data.u16(kNetkitHeadroom, pair.headroom).u16(kNetkitTailroom, pair.tailroom);
    ASSERT_EQ(outcome(ControlTest::create(order)), "OK");
    primary_ = device_named("nk1");
    peer_ = device_named("nk0");
    set_up("nk1");
    const std::uint8_t mac[] = {0xee, 0xff, 0xbb, 0xcc, 0xaa, 0xdd};
    EXPECT_EQ(set("nk1", AttributeWriter().bytes(kIflaAddress, mac)),
              pair.mode == NetkitMode::kL2 ? "OK" : "EOPNOTSUPP");
    if (!pair.same_namespace) move_peer();
    set_peer_up();
  }
  // To the other namespace, which sets it down.
  void move_peer() {
    ASSERT_EQ(set("nk0", AttributeWriter().u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_))), "OK");
  }
  void set_peer_up() {
    const device::Rtnl rtnl = network_.lock();
    ASSERT_TRUE(peer_->set_up(rtnl, true));
  }
  std::string set(std::string_view device, AttributeWriter attributes) {
    LinkRequest request;
    request.header.index = static_cast<std::int32_t>(number_of(device));
    request.attributes = std::move(attributes);
    return outcome(set_link(*client_, request));
  }
  [[nodiscard]] device::DeviceRef device_named(std::string_view name) {
    const device::Rtnl rtnl = network_.lock();
    return host_->find(rtnl, name);
  }
  [[nodiscard]] Point primary_list() const { return {primary_->ifindex(), AttachType::kNetkitPrimary}; }
  [[nodiscard]] Point peer_list() const { return {primary_->ifindex(), AttachType::kNetkitPeer}; }

  // The primary's host asks for an echo; true when an answer came.
  bool echo(std::string_view to) {
    conformance::TestHost asking(primary_, *parse_prefix("10.0.0.1/24"), pool_);
    conformance::TestHost asked(peer_, *parse_prefix(std::string(kPeerAddress) + "/24"), pool_);
    std::vector<std::uint8_t> request(IcmpHeader::kSize);
    write_header(request.data(), IcmpHeader{});
    EXPECT_TRUE(asking.stack().send(*parse_ip(to), kIpIcmp, request));
    for (bool moved = true; moved;) {
      moved = asking.run(execution());
      moved = asked.run(execution()) || moved;
    }
    return asking.stack().take(kIpIcmp).has_value();
  }
  // An echo to the peer, and the programs that it met.
  std::string seen_by_echo() {
    set_state({});
    EXPECT_TRUE(echo(kPeerAddress));
    return seen(state());
  }
  // One datagram from a socket that has set mark and priority.
  void send_marked() {
    PacketPtr packet = PacketBuilder()
                           .ethernet(primary_->mac(), peer_->mac())
                           .ip("10.0.0.1", kPeerAddress)
                           .icmp({})
                           .build(pool_);
    packet->meta.mark = kMark;
    packet->meta.priority = kPriority;
    const rcu::Section section;
    PacketBatch batch;
    batch.push(std::move(packet));
    (void)execution().transmit(*primary_, batch);
    execution().settle();
  }

  device::DeviceRef primary_;
  device::DeviceRef peer_;
};

TEST_F(TcNetkit, basic) {
  create({});
  at(primary_list());
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(list(primary_list()), "rev 2: tc1/l1");
  EXPECT_EQ(list(peer_list()), "rev 1:");
  EXPECT_EQ(seen_by_echo(), "tc1");
  at(peer_list());
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(list(primary_list()), "rev 2: tc1/l1");
  EXPECT_EQ(list(peer_list()), "rev 2: tc2/l2");
  EXPECT_EQ(seen_by_echo(), "tc1 tc2");
  destroy(1);
  destroy(2);
  EXPECT_EQ(list(primary_list()), "rev 1:");
  EXPECT_EQ(list(peer_list()), "rev 1:");
}

class TcNetkitLists : public TcNetkit,
                      public ::testing::WithParamInterface<std::tuple<NetkitMode, AttachType>> {
 protected:
  TcNetkitLists() {
    create({.mode = std::get<0>(GetParam())});
    at({primary_->ifindex(), std::get<1>(GetParam())});
  }
};
INSTANTIATE_TEST_SUITE_P(, TcNetkitLists,
                         ::testing::Combine(::testing::Values(NetkitMode::kL2, NetkitMode::kL3),
                                            ::testing::Values(AttachType::kNetkitPrimary,
                                                              AttachType::kNetkitPeer)),
                         [](const auto& chosen) {
                           const bool l2 = std::get<0>(chosen.param) == NetkitMode::kL2;
                           const bool primary = std::get<1>(chosen.param) == AttachType::kNetkitPrimary;
                           return std::string(l2 ? "l2_" : "l3_") + (primary ? "primary" : "peer");
                         });

TEST_P(TcNetkitLists, multi_links) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 2: tc1/l1");
  EXPECT_EQ(seen_by_echo(), "tc1");
  EXPECT_EQ(state().seen_eth, 1);
  ASSERT_EQ(link(2, {.prog = tc(2), .flags = kBefore, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2/l2 tc1/l1");
  EXPECT_EQ(seen_by_echo(), "tc1 tc2");
  EXPECT_EQ(state().seen_eth, 1);
  destroy(2);
  destroy(1);
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcNetkitLists, multi_opts) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 2: tc1");
  EXPECT_EQ(seen_by_echo(), "tc1");
  EXPECT_EQ(state().seen_eth, 1);
  ASSERT_EQ(attach({.prog = tc(2), .flags = kBefore, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2 tc1");
  EXPECT_EQ(seen_by_echo(), "tc1 tc2");
  EXPECT_EQ(state().seen_eth, 1);
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_F(TcNetkit, device) {
  create({.mode = NetkitMode::kL3, .same_namespace = true});
  at(primary_list());
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(list(primary_list()), "rev 2: tc1/l1");
  EXPECT_EQ(list(peer_list()), "rev 1:");
  EXPECT_EQ(seen_by_echo(), "tc1");
  for (const AttachType type : {AttachType::kNetkitPrimary, AttachType::kNetkitPeer}) {
    at({peer_->ifindex(), type});
    EXPECT_EQ(list(), "EACCES");
    EXPECT_EQ(link(2, {.prog = tc(2)}), "EACCES");
  }
  EXPECT_EQ(list(primary_list()), "rev 2: tc1/l1");
  EXPECT_EQ(list(peer_list()), "rev 1:");
}

class TcNetkitModes : public TcNetkit, public ::testing::WithParamInterface<NetkitMode> {};
INSTANTIATE_TEST_SUITE_P(, TcNetkitModes, ::testing::Values(NetkitMode::kL2, NetkitMode::kL3),
                         [](const auto& chosen) {
                           return std::string(chosen.param == NetkitMode::kL2 ? "l2" : "l3");
                         });

TEST_P(TcNetkitModes, neigh_links) {
  create({.mode = GetParam()});
  at(primary_list());
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_FALSE(echo(kNobody));
  EXPECT_EQ(seen(state()), "tc1");
  // In L2 only the question for the neighbour's address has met the program.
  EXPECT_EQ(state().seen_eth, GetParam() == NetkitMode::kL3 ? 1 : 0);
}

TEST_P(TcNetkitModes, pkt_type) {
  create({.mode = GetParam(), .same_namespace = true});
  at(primary_list());
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  at({peer_->ifindex(), AttachType::kTcxIngress});
  ASSERT_EQ(link(7, {.prog = tc(7)}), "OK");
  EXPECT_EQ(list(), "rev 2: tc7/l7");
  move_peer();
  set_peer_up();
  EXPECT_EQ(list(primary_list()), "rev 2: tc1/l1");

  tc_link_state wanted{};
  wanted.set_type = 1;
  set_state(wanted);
  // Whether it is answered is not the question: our host goes by the address that tc1 has changed, not by the
  // type.
  (void)echo(kPeerAddress);
  EXPECT_EQ(seen(state()), "tc1 tc7");
  EXPECT_EQ(state().seen_host, 1);
  EXPECT_EQ(state().seen_mcast, 1);
}

TEST_F(TcNetkit, scrub_default) {
  create({});
  at(primary_list());
  ASSERT_EQ(link(8, {.prog = tc(8)}), "OK");
  send_marked();
  EXPECT_EQ(seen(state()), "tc8");
  EXPECT_EQ(state().mark, 0U);
  EXPECT_EQ(state().priority, 0U);
  EXPECT_EQ(primary_->needed_headroom(), 0U);
  EXPECT_EQ(primary_->needed_tailroom(), 0U);
}

TEST_F(TcNetkit, scrub_none) {
  create({.scrub = NetkitScrub::kNone, .headroom = 32, .tailroom = 8});
  at(primary_list());
  ASSERT_EQ(link(8, {.prog = tc(8)}), "OK");
  send_marked();
  EXPECT_EQ(seen(state()), "tc8");
  EXPECT_EQ(state().mark, kMark);
  EXPECT_EQ(state().priority, kPriority);
  EXPECT_EQ(peer_->needed_headroom(), 32U);
  EXPECT_EQ(peer_->needed_tailroom(), 8U);
}

}  // namespace
}  // namespace netkit::control
