// What a TAP port makes of the packets that the engine gives it, seen by the sockets of the pod behind it.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "packet/builder.h"
#include "tests/support/live.h"

namespace netkit::testing {
namespace {

constexpr MacAddress kForeign{{2, 0, 0, 0, 0xf, 0xf}};

class TapSend : public LiveTest {
 protected:
  void make(bool l3, bool coalesce = true) {
    pod = make_pod("pod", {.v4 = "10.9.0.2/24", .l3 = l3, .quiet = true, .coalesce = coalesce});
  }
  // A UDP socket on port 4000 of the pod.
  Fd listen() {
    Fd socket = socket_in(pod.name, AF_INET, SOCK_DGRAM);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(4000);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  PacketBuilder datagram(const MacAddress& destination) {
    const Ipv4Header ip{.flags_offset = Be16(Ipv4Header::kDontFragment),
                        .source = Be32(0x0a090001),
                        .destination = Be32(0x0a090002)};
    return PacketBuilder().ethernet({}, destination).ipv4(ip).udp(1000, 4000);
  }
  void send(PacketPtr packet, PacketType type = PacketType::kHost) {
    packet->meta.pkt_type = type;
    PacketBatch batch;
    batch.push(std::move(packet));
    pod.port->send(batch);
    pod.port->flush();
  }
  // Sizes of the datagrams that come within a moment.
  static std::vector<ssize_t> receive_all(const Fd& socket) {
    std::vector<ssize_t> sizes;
    pollfd ready{socket.get(), POLLIN, 0};
    char bytes[2000];
    while (::poll(&ready, 1, 200) > 0) sizes.push_back(::recv(socket.get(), bytes, sizeof bytes, 0));
    return sizes;
  }
  std::uint64_t dropped(DropReason reason) {
    return pod.port->counters().dropped[static_cast<std::size_t>(reason)];
  }
  std::uint64_t seen_by_kernel() { return keeper().link(pod.space.nsid, pod.link.ifindex)->stats.rx_packets; }

  Pod pod;
  PacketPool pool;
};

TEST_F(TapSend, SmallDatagramsOfAFlowGoInOneWriteAndArriveOneByOne) {
  make(true);
  const Fd socket = listen();
  PacketBatch batch;
  for (int i = 0; i < 10; ++i) batch.push(datagram({}).pattern(18).partial_checksum().build(pool));
  pod.port->send(batch);
  EXPECT_TRUE(batch.empty());
  pod.port->flush();
  EXPECT_EQ(receive_all(socket), std::vector<ssize_t>(10, 18));
  EXPECT_EQ(seen_by_kernel(), 1U);
  EXPECT_EQ(pod.port->counters().sent_packets, 10U);
  EXPECT_EQ(pod.port->counters().sent_bytes, 10U * (14 + 20 + 8 + 18));
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST_F(TapSend, WithoutCoalescingEachPacketIsAWriteOfItsOwn) {
  make(true, false);
  const Fd socket = listen();
  PacketBatch batch;
  for (int i = 0; i < 10; ++i) batch.push(datagram({}).pattern(18).partial_checksum().build(pool));
  pod.port->send(batch);
  EXPECT_EQ(receive_all(socket), std::vector<ssize_t>(10, 18));
  EXPECT_EQ(seen_by_kernel(), 10U);
  EXPECT_EQ(pod.port->counters().sent_packets, 10U);
}

TEST_F(TapSend, EveryPacketOfALostMergedWriteIsCounted) {
  make(true);
  ASSERT_OK(keeper().change_link(pod.space.nsid, pod.link.ifindex, {.up = false}));
  PacketBatch batch;
  for (int i = 0; i < 10; ++i) batch.push(datagram({}).pattern(18).partial_checksum().build(pool));
  pod.port->send(batch);
  pod.port->flush();
  EXPECT_EQ(dropped(DropReason::kDeviceDown), 10U);
  EXPECT_EQ(pod.port->counters().sent_packets, 0U);
}

TEST_F(TapSend, AHostPacketReachesThePodWhateverItsDestination) {
  for (const bool l3 : {true, false}) {
    make(l3);
    const Fd socket = listen();
    send(datagram(kForeign).pattern(18).build(pool));
    EXPECT_EQ(receive_all(socket), std::vector<ssize_t>{18});
    ASSERT_OK(keeper().remove_namespace(pod.space.nsid));
  }
}

TEST_F(TapSend, AnOtherhostPacketDoesNot) {
  make(true);
  const Fd socket = listen();
  send(datagram(kForeign).pattern(18).build(pool), PacketType::kOtherhost);
  EXPECT_TRUE(receive_all(socket).empty());
  EXPECT_EQ(dropped(DropReason::kOtherhost), 1U);
}

TEST_F(TapSend, AMulticastPacketStaysOne) {
  make(true);
  const Fd socket = listen();
  ip_mreqn group{};
  ::inet_pton(AF_INET, "224.0.0.251", &group.imr_multiaddr);
  group.imr_ifindex = static_cast<int>(pod.link.ifindex);
  ASSERT_EQ(::setsockopt(socket.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), 0);
  send(PacketBuilder()
           .ethernet({}, MacAddress{{1, 0, 0x5e, 0, 0, 0xfb}})
           .ip("10.9.0.1", "224.0.0.251")
           .udp(1000, 4000)
           .pattern(18)
           .build(pool),
       PacketType::kMulticast);
  EXPECT_EQ(receive_all(socket), std::vector<ssize_t>{18});
}

TEST_F(TapSend, AVerifiedPacketAndOneWithAPartialChecksumAreTakenAWrongOneIsNot) {
  make(true);
  const Fd socket = listen();
  send(datagram({}).pattern(18).build(pool));
  send(datagram({}).pattern(19).partial_checksum().build(pool));
  send(datagram({}).pattern(20).wrong_checksum().build(pool));
  EXPECT_EQ(receive_all(socket), (std::vector<ssize_t>{18, 19}));
}

TEST_F(TapSend, ATooShortFrameIsDroppedWithItsReason) {
  make(true);
  PacketPtr packet = datagram({}).build(pool);
  packet->trim(13);
  send(std::move(packet));
  EXPECT_EQ(dropped(DropReason::kTooShort), 1U);
}

TEST_F(TapSend, ASuperPacketOfAKindThatTheHeaderCannotSayIsDroppedWithItsReason) {
  make(true);
  PacketPtr packet = datagram({}).pattern(5000).gso(1000).build(pool);
  packet->meta.gso.type |= kGsoUdpTunnel;
  send(std::move(packet));
  EXPECT_EQ(dropped(DropReason::kUnsupportedGso), 1U);
}

// A packet socket sees a super-packet as the stack gets it.
TEST_F(TapSend, BigTcpGoesInWhole) {
  make(true);
  const Fd socket = socket_in(pod.name, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  const int on = 1;
  ASSERT_EQ(::setsockopt(socket.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), 0);
  constexpr std::uint32_t kPayload = 200'000;
  constexpr std::uint32_t kJumboHeader = 8;
  std::vector<char> bytes(kPayload + 1000);
  struct Kind {
    const char *from, *to;
    std::uint32_t headers;
  };
  for (const Kind& kind : {Kind{"10.9.0.1", "10.9.0.2", 14 + 20 + 20},
                           Kind{"fd09::1", "fd09::2", 14 + 40 + kJumboHeader + 20}}) {
    send(PacketBuilder()
             .ethernet({}, {})
             .ip(kind.from, kind.to)
             .tcp(1000, 2000)
             .pattern(kPayload)
             .gso(1400)
             .build(pool));
    pollfd ready{socket.get(), POLLIN, 0};
    ASSERT_GT(::poll(&ready, 1, 1000), 0);
    EXPECT_EQ(::recv(socket.get(), bytes.data(), bytes.size(), MSG_TRUNC),
              static_cast<ssize_t>(kind.headers + kPayload));
  }
  EXPECT_EQ(pod.port->counters().sent_packets, 2U);
}

TEST_F(TapSend, SeveralThreadsSendAtOnce) {
  pod = make_pod("pod", {.v4 = "10.9.0.2/24", .l3 = true, .queues = 2, .quiet = true});
  constexpr int kThreads = 5, kBatches = 100, kPerBatch = 8;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&] {
        PacketPool own_pool;
        for (int i = 0; i < kBatches; ++i) {
          PacketBatch batch;
          for (int k = 0; k < kPerBatch; ++k)
            batch.push(datagram({}).pattern(18).partial_checksum().build(own_pool));
          pod.port->send(batch);
          pod.port->flush();
        }
        // A packet may wait in a slot until the thread that shares the lane flushes it.
        while (own_pool.in_use() != 0) pod.port->flush();
      });
    }
  }
  EXPECT_EQ(pod.port->counters().sent_packets, static_cast<std::uint64_t>(kThreads * kBatches * kPerBatch));
  EXPECT_EQ(pod.port->counters().dropped, DropCounts{});
}

TEST_F(TapSend, AGonePortSaysSoAndDropsWithItsReason) {
  make(true);
  ASSERT_OK(keeper().remove_namespace(pod.space.nsid));
  ASSERT_TRUE(eventually([&] {
    pod.port->set_carrier(true);
    return pod.port->state() == PortState::kGone;
  }));
  send(datagram({}).pattern(18).build(pool));
  EXPECT_EQ(dropped(DropReason::kPortGone), 1U);
}

}  // namespace
}  // namespace netkit::testing
