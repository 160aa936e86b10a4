// Two pods, a TAP port each, and between them the simplest datapath there is: real stacks, real tools.
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "tests/support/forwarder.h"
#include "tests/support/live.h"

namespace netkit::testing {
namespace {

class TapTraffic : public LiveTest {
 protected:
  void join(PodOptions first, PodOptions second) {
    a = make_pod("a", first);
    b = make_pod("b", second);
    if (HasFailure()) return;
    const auto end = [](const Pod& pod, bool l3) {
      return ForwardingEnd{pod.port.get(), l3 ? MacAddress{} : pod.link.mac};
    };
    forwarder.emplace(end(a, first.l3), end(b, second.l3));
  }
  void join(bool l3, std::uint32_t mtu = 1500, std::uint32_t queues = 1) {
    join({.v4 = "10.9.0.1/24", .v6 = "fd09::1/64", .l3 = l3, .mtu = mtu, .queues = queues},
         {.v4 = "10.9.0.2/24", .v6 = "fd09::2/64", .l3 = l3, .mtu = mtu, .queues = queues});
  }
  void TearDown() override {
    forwarder.reset();
    LiveTest::TearDown();
  }
  void ping(std::string_view address, std::string_view size = "56") {
    const CommandResult result =
        run(a, {"ping", "-c", "2", "-i", "0.05", "-W", "2", "-s", std::string(size), std::string(address)});
    EXPECT_EQ(result.status, 0) << result.output;
  }
  // A TCP or UDP stream from a to b; the client's exit status.
  CommandResult stream(const std::vector<std::string>& extra) {
    const host::Command server = start(b, {"iperf3", "-s", "-1"});
    EXPECT_TRUE(eventually([&] { return run(b, {"ss", "-ltnH"}).output.contains(":5201"); }));
    std::vector<std::string> client{"iperf3", "-t", "1", "--connect-timeout", "2000", "-c"};
    client.insert(client.end(), extra.begin(), extra.end());
    CommandResult result = run(a, client);
    EXPECT_EQ(wait_for(server, std::chrono::seconds(3)), 0);
    return result;
  }

  Pod a;
  Pod b;
  std::optional<Forwarder> forwarder;
};

TEST_F(TapTraffic, PingBetweenL2PodsWithArpAndNeighbourDiscovery) {
  join(false);
  ping("10.9.0.2");
  ping("fd09::2");
  EXPECT_TRUE(run(a, {"ip", "neigh"}).output.contains("10.9.0.2 dev eth0 lladdr " + to_string(b.link.mac)));
}

TEST_F(TapTraffic, PingBetweenL3PodsWithoutNeighbours) {
  join(true);
  ping("10.9.0.2");
  ping("fd09::2");
  EXPECT_FALSE(run(a, {"ip", "neigh"}).output.contains("lladdr"));
}

TEST_F(TapTraffic, LargePingsAreFragmentedAndPutTogether) {
  join(true);
  ping("10.9.0.2", "8000");
  ping("fd09::2", "8000");
}

TEST_F(TapTraffic, TcpSuperPacketsPassWholeInBothDirections) {
  join(true);
  for (const char* address : {"10.9.0.2", "fd09::2"}) {
    const CommandResult forward = stream({address});
    EXPECT_EQ(forward.status, 0) << forward.output;
    const CommandResult backward = stream({address, "-R"});
    EXPECT_EQ(backward.status, 0) << backward.output;
  }
  for (const Forwarder::Seen* seen : {&forwarder->from_first(), &forwarder->from_second()}) {
    EXPECT_GT(seen->super_packets, 100U);
    EXPECT_EQ(seen->gso_types & (kGsoTcp4 | kGsoTcp6), kGsoTcp4 | kGsoTcp6);
    EXPECT_GT(seen->longest, 30'000U);
    EXPECT_GT(seen->most_segments, 20U);
    EXPECT_GT(seen->gso_size, 1300U);
    EXPECT_LT(seen->gso_size, 1449U);
    EXPECT_GT(seen->partial_checksums, 100U);
  }
  EXPECT_EQ(a.port->counters().dropped, DropCounts{});
  EXPECT_EQ(b.port->counters().dropped, DropCounts{});
  EXPECT_EQ(b.port->counters().sent_packets, a.port->counters().received_packets);
}

TEST_F(TapTraffic, TcpOverSeveralQueuesAndJumboFrames) {
  join(true, 9000, 2);
  const CommandResult result = stream({"10.9.0.2", "-P", "4"});
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_GT(forwarder->from_first().gso_size, 8000U);
}

TEST_F(TapTraffic, AUdpSuperPacketReachesTheSocketAsDatagrams) {
  join(true);
  const Fd receiver = socket_in(b.name, AF_INET, SOCK_DGRAM);
  const Fd sender = socket_in(a.name, AF_INET, SOCK_DGRAM);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4000);
  ASSERT_EQ(::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::inet_pton(AF_INET, "10.9.0.2", &address.sin_addr);
  const int segment = 1000;
  ASSERT_EQ(::setsockopt(sender.get(), IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
  const std::string payload(4500, 'x');
  ASSERT_EQ(::sendto(sender.get(), payload.data(), payload.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address), sizeof address),
            4500);
  const timeval patience{2, 0};
  ::setsockopt(receiver.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char datagram[2000];
  for (const ssize_t expected : {1000, 1000, 1000, 1000, 500}) {
    EXPECT_EQ(::recv(receiver.get(), datagram, sizeof datagram, 0), expected);
  }
  EXPECT_EQ(forwarder->from_first().gso_types, kGsoUdpL4);
  EXPECT_EQ(forwarder->from_first().gso_size, 1000U);
  EXPECT_EQ(forwarder->from_first().most_segments, 5U);
}

TEST_F(TapTraffic, UdpStreamArrives) {
  join(true);
  const CommandResult result = stream({"10.9.0.2", "-u", "-b", "50M", "-l", "1000"});
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_GT(forwarder->from_first().packets, 1000U);
}

TEST_F(TapTraffic, SettingAnInterfaceDownLosesPacketsWithAReasonAndUpBringsThemBack) {
  join(false);
  ping("10.9.0.2");
  ASSERT_OK(keeper().change_link(b.space.nsid, b.link.ifindex, {.up = false}));
  EXPECT_NE(run(a, {"ping", "-c", "1", "-W", "1", "10.9.0.2"}).status, 0);
  EXPECT_GT(b.port->counters().dropped[static_cast<std::size_t>(DropReason::kDeviceDown)], 0U);
  ASSERT_OK(keeper().change_link(b.space.nsid, b.link.ifindex, {.up = true}));
  ping("10.9.0.2");
}

TEST_F(TapTraffic, RenamingAndChangingTheMtuDoNotDisturb) {
  join(false);
  const host::Command flood = start(a, {"ping", "-q", "-c", "200", "-i", "0.005", "10.9.0.2"});
  for (int i = 0; i < 5; ++i) {
    EXPECT_OK(keeper().change_link(b.space.nsid, b.link.ifindex, {.name = "net" + std::to_string(i)}));
    EXPECT_OK(keeper().change_link(b.space.nsid, b.link.ifindex, {.mtu = 1400U + static_cast<unsigned>(i)}));
    sleep_a_moment();
  }
  EXPECT_EQ(wait_for(flood, std::chrono::seconds(5)), 0);
  EXPECT_EQ(keeper().link(b.space.nsid, "net4")->mtu, 1404U);
}

TEST_F(TapTraffic, AMovedInterfaceCarriesOnInItsNewNamespace) {
  join(false);
  const auto other = keeper().make_namespace(unique("c"));
  ASSERT_OK(other);
  const host::Command flood = start(a, {"ping", "-q", "-c", "100", "-i", "0.005", "10.9.0.2"});
  ASSERT_OK(
      keeper().move_link(b.space.nsid, b.link.ifindex, other->nsid, {.name = "eth7", .new_ifindex = 70}));
  ASSERT_OK(keeper().add_address(other->nsid, 70, *parse_prefix("10.9.0.2/24")));
  ASSERT_OK(keeper().change_link(other->nsid, 70, {.up = true}));
  ping("10.9.0.2");
  EXPECT_EQ(b.port->state(), PortState::kReady);
  EXPECT_GE(wait_for(flood, std::chrono::seconds(15)), 0);
}

TEST_F(TapTraffic, ADeletedInterfaceIsGoneAndPacketsToItSaySo) {
  join(false);
  ping("10.9.0.2");
  ASSERT_OK(keeper().delete_link(b.space.nsid, b.link.ifindex));
  EXPECT_NE(run(a, {"ping", "-c", "1", "-W", "1", "10.9.0.2"}).status, 0);
  EXPECT_TRUE(eventually([&] { return b.port->state() == PortState::kGone; }));
  EXPECT_GT(b.port->counters().dropped[static_cast<std::size_t>(DropReason::kPortGone)], 0U);
  EXPECT_EQ(a.port->state(), PortState::kReady);
}

TEST_F(TapTraffic, WhatTheKernelDropsAtTheInterfaceIsCountedThere) {
  join({.v4 = "10.9.0.1/24", .l3 = true, .quiet = true}, {.v4 = "10.9.0.2/24", .l3 = true, .quiet = true});
  const auto before = keeper().link(a.space.nsid, a.link.ifindex);
  ASSERT_OK(before);
  a.port->set_carrier(false);
  constexpr std::uint8_t kOperDown = 2;  // IF_OPER_DOWN: the kernel acts on the carrier a little later
  ASSERT_TRUE(
      eventually([&] { return keeper().link(a.space.nsid, a.link.ifindex)->operstate == kOperDown; }));
  EXPECT_NE(run(a, {"ping", "-c", "3", "-i", "0.05", "-W", "1", "10.9.0.2"}).status, 0);
  const auto after = keeper().link(a.space.nsid, a.link.ifindex);
  ASSERT_OK(after);
  EXPECT_EQ(after->stats.tx_dropped, before->stats.tx_dropped + 3);
  EXPECT_EQ(forwarder->from_first().packets, 0U);
}

TEST_F(TapTraffic, AFullQueueIsCountedByTheKernel) {
  a = make_pod("a", {.v4 = "10.9.0.1/24", .l3 = true, .quiet = true});
  const Fd sender = socket_in(a.name, AF_INET, SOCK_DGRAM);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  ::inet_pton(AF_INET, "10.9.0.2", &address.sin_addr);
  constexpr std::uint64_t kSent = 1500;
  for (std::uint64_t i = 0; i < kSent; ++i) {
    ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  PacketPool pool;
  for (PacketBatch batch; a.port->receive(pool, batch), !batch.empty();) batch.clear();
  const std::uint64_t dropped = keeper().link(a.space.nsid, a.link.ifindex)->stats.tx_dropped;
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(a.port->counters().received_packets + dropped, kSent);
}

}  // namespace
}  // namespace netkit::testing
