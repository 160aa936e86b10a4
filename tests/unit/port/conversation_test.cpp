#include "port/conversation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

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

TcpRecording example() {
  const Fd file(::open(NETKIT_SOURCE_DIR "/examples/tcp-exchange.pcap", O_RDONLY | O_CLOEXEC));
  return read_tcp_recording(Fd(::dup(file.get())), "tcp-exchange.pcap").value();
}

TEST(Conversation, ARecordedConnectionIsPlayedToItsEnd) {
  const TcpRecording recording = example();
  TwoHosts hosts(true);
  for (const IpAddress& to : {kB4, kB6}) {
    const TcpOutcome outcome = play_tcp(*hosts.a, *hosts.b, to, 80, recording, 1'000'000'000, [] {});
    EXPECT_EQ(outcome.segments_arrived, 22U);
    EXPECT_EQ(outcome.bytes_arrived, 64'000U);
    EXPECT_TRUE(outcome.all);
  }
}

// A way between two L3 hosts that cuts super-packets, and may change what it carries.
struct CuttingWay {
  explicit CuttingWay(std::function<void(Packet&)> meddle = [](Packet&) {}) : meddle_(std::move(meddle)) {}

  TcpOutcome play(const TcpRecording& recording, Nanoseconds timeout) {
    return play_tcp(a_, b_, kB4, 5201, recording, timeout, [&] {
      carry(*left_.second, *right_.second);
      carry(*right_.second, *left_.second);
    });
  }
  std::uint32_t cut = 0;  // pieces

 private:
  void carry(Port& from, Port& to) {
    PacketBatch in;
    from.receive(pool_, in);
    for (const PacketPtr& packet : in) {
      PacketBatch out;
      const auto pass_on = [&](PacketPtr piece) {
        meddle_(*piece);
        out.push(std::move(piece));
      };
      if (is_gso(*packet))
        cut += segment(*packet, pool_, SegmentChecksum::kComplete, pass_on).value_or(0);
      else
        pass_on(pool_.copy(*packet));
      to.send(out);
    }
  }

  std::function<void(Packet&)> meddle_;
  PacketPool pool_;
  InProcessPorts left_ = make_in_process_ports(), right_ = make_in_process_ports();
  EndHost a_{{.addresses = {*parse_prefix("10.0.0.1/24")}, .gateways = {}}, *left_.first, pool_};
  EndHost b_{{.addresses = {*parse_prefix("10.0.0.2/24")}, .gateways = {}}, *right_.first, pool_};
};

TEST(Conversation, ASuperPacketMayArriveInSegments) {
  CuttingWay way;
  const TcpOutcome outcome = way.play(example(), 1'000'000'000);
  EXPECT_TRUE(outcome.all);
  EXPECT_EQ(outcome.bytes_arrived, 64'000U);
  EXPECT_EQ(way.cut, 44U);  // segments of 1448 bytes
}

TEST(Conversation, AChangedByteIsNoticed) {
  std::uint32_t frames = 0;
  CuttingWay way([&](Packet& packet) {
    if (++frames != 6) return;
    // A checksum that is right for the wrong byte: nobody but the comparison can notice.
    packet.data()[packet.len() - 1] ^= 1U;
    packet.meta.csum.state = ChecksumState::kUnnecessary;
  });
  const TcpOutcome outcome = way.play(example(), 5'000'000);
  EXPECT_FALSE(outcome.all);
  EXPECT_EQ(outcome.segments_arrived, 3U);
}

TEST(Conversation, AConnectionThatLosesEverythingTransfersNothing) {
  TwoHosts hosts(false, 1);
  const TcpOutcome outcome = play_tcp(*hosts.a, *hosts.b, kB4, 5201, example(), 5'000'000, [] {});
  EXPECT_EQ(outcome.segments_arrived, 0U);
  EXPECT_EQ(outcome.bytes_arrived, 0U);
  EXPECT_FALSE(outcome.all);
}

}  // namespace
}  // namespace netkit
