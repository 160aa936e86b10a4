#include "port/conversation.h"

#include <gtest/gtest.h>

#include "packet/builder.h"
#include "packet/segment.h"
#include "port/in_process.h"
#include "port/wrappers.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

constexpr ConversationOptions kImpatient{.count = 2, .size = 56, .timeout = 5'000'000};

// Two hosts whose ports are joined, with or without loss on the way.
struct TwoHosts {
  explicit TwoHosts(bool l2, double loss = 0) : ports(make_in_process_ports()) {
    if (loss != 0) ports.first = lossy(std::move(ports.first), {.receive = 0, .send = loss});
    a.emplace(EndHostOptions{.mac = l2 ? kMacA : MacAddress{},
                             .addresses = {*parse_prefix("10.0.0.1/24"), *parse_prefix("fd00::1/64")},
                             .gateways = {}},
              *ports.first, pool);
    b.emplace(EndHostOptions{.mac = l2 ? kMacB : MacAddress{},
                             .addresses = {*parse_prefix("10.0.0.2/24"), *parse_prefix("fd00::2/64")},
                             .gateways = {}},
              *ports.second, pool);
  }
  Turn turn() {
    return [this] { b->poll(); };
  }

  PacketPool pool;
  InProcessPorts ports;
  std::optional<EndHost> a, b;
};

const IpAddress kB4 = *parse_ip("10.0.0.2"), kB6 = *parse_ip("fd00::2");

TEST(Conversation, PingWorksInBothFamiliesAndModes) {
  for (const bool l2 : {true, false}) {
    TwoHosts hosts(l2);
    for (const IpAddress& to : {kB4, kB6}) {
      const Exchanged result = ping(*hosts.a, to, {.count = 3}, hosts.turn());
      EXPECT_EQ(result.sent, 3U) << l2;
      EXPECT_TRUE(result.all()) << l2;
    }
  }
}

TEST(Conversation, LargePingsAndDatagramsTravelInFragments) {
  TwoHosts hosts(true);
  for (const IpAddress& to : {kB4, kB6}) {
    EXPECT_TRUE(ping(*hosts.a, to, {.count = 2, .size = 8000}, hosts.turn()).all());
    EXPECT_TRUE(udp_echo(*hosts.a, to, 7, {.count = 2, .size = 60'000}, hosts.turn()).all());
  }
  EXPECT_EQ(hosts.a->counters().reassembled, 8U);
  EXPECT_EQ(hosts.b->counters().reassembled, 8U);
}

TEST(Conversation, NothingIsAnsweredWhereNobodyIs) {
  TwoHosts hosts(false);
  const Exchanged result = ping(*hosts.a, *parse_ip("10.0.0.9"), kImpatient, hosts.turn());
  EXPECT_EQ(result.sent, 2U);
  EXPECT_TRUE(result.none());
  EXPECT_TRUE(udp_echo(*hosts.a, *parse_ip("10.0.0.9"), 7, kImpatient, hosts.turn()).none());
}

TEST(Conversation, WithoutAnAddressOfTheFamilyNothingIsSent) {
  PacketPool pool;
  auto ports = make_in_process_ports();
  EndHost host({.addresses = {*parse_prefix("10.0.0.1/24")}, .gateways = {}}, *ports.first, pool);
  EXPECT_EQ(ping(host, kB6, kImpatient, [] {}).sent, 0U);
}

TEST(Conversation, AConnectionIsPlayedToItsEnd) {
  for (const std::uint32_t chunk : {1000U, 60'000U}) {
    TwoHosts hosts(true);
    for (const IpAddress& to : {kB4, kB6}) {
      const TcpOutcome outcome =
          play_tcp(*hosts.a, *hosts.b, to, {.bytes = 200'001, .chunk = chunk}, 1'000'000'000, [] {});
      EXPECT_TRUE(outcome.connected) << chunk;
      EXPECT_EQ(outcome.bytes_arrived, 200'001U) << chunk;
      EXPECT_TRUE(outcome.closed) << chunk;
    }
  }
}

TEST(Conversation, ASuperPacketMayArriveInSegments) {
  // A way between the hosts that cuts super-packets.
  PacketPool pool;
  auto left = make_in_process_ports(), right = make_in_process_ports();
  EndHost a({.addresses = {*parse_prefix("10.0.0.1/24")}, .gateways = {}}, *left.first, pool);
  EndHost b({.addresses = {*parse_prefix("10.0.0.2/24")}, .gateways = {}}, *right.first, pool);
  std::uint32_t cut = 0;
  const auto carry = [&](Port& from, Port& to) {
    PacketBatch in;
    from.receive(pool, in);
    for (const PacketPtr& packet : in) {
      PacketBatch out;
      if (is_gso(*packet))
        cut += segment(*packet, pool, SegmentChecksum::kComplete, [&](PacketPtr piece) {
                 out.push(std::move(piece));
               }).value_or(0);
      else
        out.push(pool.copy(*packet));
      to.send(out);
    }
  };
  const TcpOutcome outcome = play_tcp(a, b, kB4, {.bytes = 100'000, .chunk = 20'000}, 1'000'000'000, [&] {
    carry(*left.second, *right.second);
    carry(*right.second, *left.second);
  });
  EXPECT_TRUE(outcome.closed);
  EXPECT_EQ(outcome.bytes_arrived, 100'000U);
  EXPECT_EQ(cut, 70U);  // 5 chunks of 14 segments
}

TEST(Conversation, AConnectionThatLosesEverythingTransfersNothing) {
  TwoHosts hosts(false, 1);
  const TcpOutcome outcome = play_tcp(*hosts.a, *hosts.b, kB4, {}, 5'000'000, [] {});
  EXPECT_FALSE(outcome.connected);
  EXPECT_EQ(outcome.bytes_arrived, 0U);
  EXPECT_FALSE(outcome.closed);
}

TEST(TcpScript, IsAHandshakeAcknowledgedDataAndAClose) {
  const auto script = make_tcp_script({.bytes = 250, .chunk = 100});
  ASSERT_EQ(script.size(), 3U + 6 + 3);
  EXPECT_EQ(script[0].flags, TcpHeader::kSyn);
  EXPECT_EQ(script[1].flags, TcpHeader::kSyn | TcpHeader::kAck);
  EXPECT_EQ(script[1].ack, script[0].seq + 1);
  EXPECT_EQ(script[2].ack, script[1].seq + 1);
  EXPECT_EQ(script[3].seq, script[0].seq + 1);
  EXPECT_EQ(script[7].offset, 200U);
  EXPECT_EQ(script[7].length, 50U);
  EXPECT_EQ(script[8].ack, script[3].seq + 250);
  EXPECT_EQ(script[9].flags, TcpHeader::kFin | TcpHeader::kAck);
  EXPECT_EQ(script[10].ack, script[9].seq + 1);
  EXPECT_EQ(script[11].ack, script[10].seq + 1);
  const auto payload = tcp_payload({.bytes = 250, .chunk = 100}, script[7]);
  EXPECT_EQ(payload.size(), 70U);
  EXPECT_EQ(payload[20], stream_byte(200));
}

}  // namespace
}  // namespace netkit
