// The port kit: tests that every port passes. A port's test gives a factory and instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(InProcess, PortKit, testing::Values(PortMaker{"in_process", make}), kit_name);
//
// Include it in one .cpp of a test program. What is special about a port (down, renamed, moved, deleted) is
// tested beside it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "packet/builder.h"
#include "packet/checksum.h"
#include "packet/dissect.h"
#include "packet/pool.h"
#include "packet/segment.h"
#include "port/port.h"

namespace netkit::testing_kit {

// A port and the world at its other side, as far as a test can reach it. Pools outlive both.
class PortUnderTest {
 public:
  virtual ~PortUnderTest() = default;

  [[nodiscard]] virtual Port& port() = 0;
  // The world sends a frame, with the metadata that its kind of world knows (checksum state, GSO, VLAN tag).
  virtual void world_send(PacketPtr packet) = 0;
  // The next frames of the test that reach the world, `count` of them or those that come within a second.
  // Frames that the world's own stack sends or gets on its own account do not count.
  [[nodiscard]] virtual std::vector<PacketPtr> world_receive(PacketPool& pool, std::size_t count) = 0;

  // Whether the port has this direction at all.
  [[nodiscard]] virtual bool receives() const { return true; }
  [[nodiscard]] virtual bool sends() const { return true; }
  // The addresses that frames of the test carry: towards the world, and from it.
  [[nodiscard]] virtual MacAddress engine_mac() const { return {{2, 0, 0, 0, 0, 1}}; }
  [[nodiscard]] virtual MacAddress world_mac() const { return {{2, 0, 0, 0, 0, 2}}; }
  // The largest frame without GSO.
  [[nodiscard]] virtual std::uint32_t largest_frame() const { return 1514; }
  // Whether a super-packet that the world sends arrives whole.
  [[nodiscard]] virtual bool keeps_super_packets() const { return true; }
  // Whether GSO sizes and checksum states go with the bytes (a file has none).
  [[nodiscard]] virtual bool carries_metadata() const { return true; }
};

struct PortMaker {
  std::string name;
  std::function<std::unique_ptr<PortUnderTest>()> make;
  // Why this machine cannot run it; empty: it can.
  std::function<std::string()> cannot_run = [] { return std::string(); };
};
inline void PrintTo(const PortMaker& maker, std::ostream* out) {
  *out << maker.name;
}
inline std::string kit_name(const testing::TestParamInfo<PortMaker>& info) {
  return info.param.name;
}

// The frame as a wire shows it, the VLAN tag in its place.
inline std::vector<std::uint8_t> frame_of(const Packet& packet) {
  std::vector<std::uint8_t> frame(packet.bytes().begin(), packet.bytes().end());
  if (!packet.meta.vlan.present) return frame;
  std::array<std::uint8_t, VlanHeader::kSize> tag{};
  store_unaligned(tag.data(), packet.meta.vlan.proto);
  store_unaligned(tag.data() + 2, Be16(packet.meta.vlan.tci));
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  return frame;
}

class PortKit : public testing::TestWithParam<PortMaker> {
 protected:
  void SetUp() override {
    if (const std::string reason = GetParam().cannot_run(); !reason.empty()) GTEST_SKIP() << reason;
    under_test_ = GetParam().make();
    ASSERT_NE(under_test_, nullptr);
  }

  // What the port's engine side gets: `count` packets, or those that come within a second.
  std::vector<PacketPtr> engine_receive(std::size_t count) {
    std::vector<PacketPtr> packets;
    const Nanoseconds deadline = monotonic_ns() + 1'000'000'000;
    while (packets.size() < count && monotonic_ns() < deadline) {
      PacketBatch batch;
      port().receive(pool_, batch);
      for (PacketPtr& packet : batch) packets.push_back(std::move(packet));
      batch.clear();
    }
    return packets;
  }
  void engine_send(std::vector<PacketPtr> packets) {
    for (std::size_t i = 0; i < packets.size();) {
      PacketBatch batch;
      while (i < packets.size() && !batch.full()) batch.push(std::move(packets[i++]));
      port().send(batch);
      EXPECT_TRUE(batch.empty()) << "send takes all packets out of the batch";
    }
    port().flush();
  }

  Port& port() { return under_test_->port(); }
  PacketBuilder outgoing(Be16 proto = {}) {
    return PacketBuilder().ethernet(under_test_->engine_mac(), under_test_->world_mac(), proto);
  }
  PacketBuilder incoming(Be16 proto = {}) {
    return PacketBuilder().ethernet(under_test_->world_mac(), under_test_->engine_mac(), proto);
  }

  // Each direction, with the packets that `build` makes from a builder with an Ethernet header.
  void expect_same_frames(const std::vector<std::function<PacketPtr(PacketBuilder)>>& builds,
                          Be16 proto = {}) {
    if (under_test_->sends()) {
      std::vector<PacketPtr> packets;
      std::vector<std::vector<std::uint8_t>> frames;
      for (const auto& build : builds) {
        packets.push_back(build(outgoing(proto)));
        frames.push_back(frame_of(*packets.back()));
      }
      engine_send(std::move(packets));
      expect_frames(under_test_->world_receive(pool_, frames.size()), frames);
    }
    if (under_test_->receives()) {
      std::vector<std::vector<std::uint8_t>> frames;
      for (const auto& build : builds) {
        PacketPtr packet = build(incoming(proto));
        frames.push_back(frame_of(*packet));
        under_test_->world_send(std::move(packet));
      }
      expect_frames(engine_receive(frames.size()), frames);
    }
  }

  static void expect_frames(const std::vector<PacketPtr>& packets,
                            const std::vector<std::vector<std::uint8_t>>& frames) {
    ASSERT_EQ(packets.size(), frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i)
      EXPECT_EQ(frame_of(*packets[i]), frames[i]) << "frame " << i;
  }

  // A super-packet came through: whole with its sizes and checksum state, or as the segments it stands for.
  void expect_super_packet(const Packet& sent, const std::vector<PacketPtr>& arrived, bool whole) {
    if (whole) {
      ASSERT_EQ(arrived.size(), 1U);
      EXPECT_EQ(frame_of(*arrived[0]), frame_of(sent));
      if (!under_test_->carries_metadata()) return;
      EXPECT_EQ(arrived[0]->meta.gso.size, sent.meta.gso.size);
      EXPECT_EQ(arrived[0]->meta.gso.type & ~kGsoDodgy, sent.meta.gso.type & ~kGsoDodgy);
      EXPECT_EQ(arrived[0]->meta.csum.state, ChecksumState::kPartial);
      return;
    }
    std::size_t next = 0;
    const auto count = segment(sent, pool_, SegmentChecksum::kComplete, [&](PacketPtr expected) {
      ASSERT_LT(next, arrived.size());
      EXPECT_EQ(frame_of(*arrived[next]), frame_of(*expected)) << "segment " << next;
      ++next;
    });
    ASSERT_TRUE(count);
    EXPECT_EQ(arrived.size(), *count);
  }

  PacketPool pool_;
  std::unique_ptr<PortUnderTest> under_test_;
};

struct SuperPacketCase {
  const char* name;
  GsoType type;
  const char *source, *destination;
  bool tcp;
};
inline constexpr SuperPacketCase kSuperPackets[] = {
    {"TCP over IPv4", kGsoTcp4, "10.0.0.1", "10.0.0.2", true},
    {"TCP over IPv6", kGsoTcp6, "fd00::1", "fd00::2", true},
    {"UDP over IPv4", kGsoUdpL4, "10.0.0.1", "10.0.0.2", false},
    {"UDP over IPv6", kGsoUdpL4, "fd00::1", "fd00::2", false},
};

inline PacketBuilder transport(PacketBuilder builder, const SuperPacketCase& kind) {
  builder.ip(kind.source, kind.destination);
  return kind.tcp ? builder.tcp(1000, 2000) : builder.udp(1000, 2000);
}

TEST_P(PortKit, FramesOfEveryEtherTypePassUnchangedBothWays) {
  for (const unsigned proto : {0x0800U, 0x86ddU, 0x0806U, 0x8847U, 0x88ccU, 0x88b5U, 0x0600U, 0xffffU}) {
    SCOPED_TRACE(testing::Message() << "EtherType " << std::hex << proto);
    expect_same_frames({[&](PacketBuilder builder) -> PacketPtr {
                         // A correct IP header where a stack on the way may look at it.
                         if (proto == kProtoIpv4.host()) builder.ip("10.0.0.1", "10.0.0.2").udp(1, 9);
                         if (proto == kProtoIpv6.host()) builder.ip("fd00::1", "fd00::2").udp(1, 9);
                         return builder.pattern(60).build(pool_);
                       }},
                       Be16(static_cast<std::uint16_t>(proto)));
  }
}

TEST_P(PortKit, FramesOfEverySizePassUnchanged) {
  for (const std::uint32_t size : {60U, 61U, 1514U, under_test_->largest_frame()}) {
    SCOPED_TRACE(size);
    expect_same_frames(
        {[&](PacketBuilder builder) { return builder.pattern(size - kEthernetHeader).build(pool_); }},
        Be16(0x88b5));
  }
}

TEST_P(PortKit, BatchesKeepTheirOrder) {
  std::vector<std::function<PacketPtr(PacketBuilder)>> builds;
  for (std::uint32_t i = 0; i < PacketBatch::kCapacity; ++i)
    builds.emplace_back([this, i](PacketBuilder builder) { return builder.pattern(60 + i).build(pool_); });
  expect_same_frames(builds, Be16(0x88b5));
}

TEST_P(PortKit, AVlanTagBesideTheBytesArrivesAsATag) {
  for (const Be16 proto : {kProtoVlan, kProtoQinq}) {
    expect_same_frames({[&](PacketBuilder builder) {
      return builder.vlan_tag(0x6007, proto)
          .ip("10.0.0.1", "10.0.0.2")
          .udp(1000, 9)
          .pattern(100)
          .build(pool_);
    }});
  }
}

TEST_P(PortKit, AReceivedVlanTagIsBesideTheBytes) {
  if (!under_test_->receives()) GTEST_SKIP() << "this port receives nothing";
  under_test_->world_send(
      incoming().vlan_tag(7).ip("10.0.0.1", "10.0.0.2").udp(1000, 9).pattern(100).build(pool_));
  const auto packets = engine_receive(1);
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_TRUE(packets[0]->meta.vlan.present);
  EXPECT_EQ(packets[0]->meta.vlan.proto, kProtoVlan);
  EXPECT_EQ(packets[0]->meta.vlan.tci, 7);
  EXPECT_EQ(packets[0]->meta.protocol, kProtoIpv4);
}

TEST_P(PortKit, ReceivedFramesAreClassifiedAndTheirHeadersFound) {
  if (!under_test_->receives()) GTEST_SKIP() << "this port receives nothing";
  under_test_->world_send(incoming().ip("fd00::1", "fd00::2").udp(1000, 9).pattern(100).build(pool_));
  const auto packets = engine_receive(1);
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0]->meta.protocol, kProtoIpv6);
  EXPECT_EQ(packets[0]->meta.pkt_type, PacketType::kHost);
  EXPECT_EQ(packets[0]->offset_of(packets[0]->meta.mac_header), 0);
  EXPECT_EQ(packets[0]->offset_of(packets[0]->meta.network_header), 14);
  EXPECT_GE(packets[0]->headroom(), kMinHeadroom - VlanHeader::kSize);
}

TEST_P(PortKit, SuperPacketsPassWholeOrCorrectlyCut) {
  constexpr std::uint16_t kSegment = 1400;
  for (const SuperPacketCase& kind : kSuperPackets) {
    SCOPED_TRACE(kind.name);
    const PortOffloads offloads = port().offloads();
    const bool granted = kind.type == kGsoTcp4   ? offloads.tso4
                         : kind.type == kGsoTcp6 ? offloads.tso6
                                                 : offloads.uso;
    if (under_test_->sends() && granted) {
      PacketPtr sent = transport(outgoing(), kind).pattern(10 * kSegment + 100).gso(kSegment).build(pool_);
      const PacketPtr kept = pool_.copy(*sent);
      std::vector<PacketPtr> packets;
      packets.push_back(std::move(sent));
      engine_send(std::move(packets));
      const bool whole = under_test_->keeps_super_packets();
      expect_super_packet(*kept, under_test_->world_receive(pool_, whole ? 1 : 11), whole);
    }
    if (under_test_->receives()) {
      PacketPtr sent = transport(incoming(), kind).pattern(10 * kSegment + 100).gso(kSegment).build(pool_);
      const PacketPtr kept = pool_.copy(*sent);
      under_test_->world_send(std::move(sent));
      const bool whole = granted && under_test_->keeps_super_packets();
      expect_super_packet(*kept, engine_receive(whole ? 1 : 11), whole);
    }
  }
}

TEST_P(PortKit, APartialChecksumArrivesPartialOrRight) {
  const auto expect_right = [&](const std::vector<PacketPtr>& packets) {
    ASSERT_EQ(packets.size(), 1U);
    ASSERT_TRUE(complete_checksum(*packets[0]));
    const auto layout = dissect(packets[0]->bytes(), kProtoIpv4, kEthernetHeader);
    ASSERT_TRUE(layout);
    EXPECT_EQ(verify_transport_checksum(packets[0]->bytes(), *layout), ChecksumVerdict::kCorrect);
  };
  const auto build = [&](PacketBuilder builder) {
    return builder.ip("10.0.0.1", "10.0.0.2").tcp(1000, 2000).pattern(333).partial_checksum().build(pool_);
  };
  if (under_test_->sends() && port().offloads().checksum) {
    std::vector<PacketPtr> packets;
    packets.push_back(build(outgoing()));
    engine_send(std::move(packets));
    expect_right(under_test_->world_receive(pool_, 1));
  }
  if (under_test_->receives()) {
    under_test_->world_send(build(incoming()));
    expect_right(engine_receive(1));
  }
}

TEST_P(PortKit, AWrongChecksumStaysWrong) {
  expect_same_frames({[&](PacketBuilder builder) {
    return builder.ip("10.0.0.1", "10.0.0.2").tcp(1000, 2000).pattern(333).wrong_checksum().build(pool_);
  }});
}

TEST_P(PortKit, EveryPacketIsCountedOnceAndWithItsBytes) {
  const PortCounters before = port().counters();
  if (under_test_->sends()) {
    std::vector<PacketPtr> packets;
    for (std::uint32_t i = 0; i < 3; ++i) packets.push_back(outgoing(Be16(0x88b5)).pattern(100).build(pool_));
    engine_send(std::move(packets));
    EXPECT_EQ(under_test_->world_receive(pool_, 3).size(), 3U);
    EXPECT_EQ(port().counters().sent_packets - before.sent_packets, 3U);
    EXPECT_EQ(port().counters().sent_bytes - before.sent_bytes, 3U * 114);
  }
  if (under_test_->receives()) {
    under_test_->world_send(incoming(Be16(0x88b5)).pattern(100).build(pool_));
    EXPECT_EQ(engine_receive(1).size(), 1U);
    EXPECT_EQ(port().counters().received_packets - before.received_packets, 1U);
    EXPECT_EQ(port().counters().received_bytes - before.received_bytes, 114U);
  }
  EXPECT_EQ(port().counters().dropped, before.dropped);
}

TEST_P(PortKit, SendingAndReceivingNothingIsAllowed) {
  PacketBatch batch;
  port().send(batch);
  port().flush();
  if (under_test_->sends()) {
    EXPECT_TRUE(under_test_->world_receive(pool_, 0).empty());
  }
  EXPECT_FALSE(port().kind().empty());
}

TEST_P(PortKit, ReceiveTakesNoMoreThanTheBatchHolds) {
  if (!under_test_->receives()) GTEST_SKIP() << "this port receives nothing";
  for (int i = 0; i < 3; ++i) under_test_->world_send(incoming(Be16(0x88b5)).pattern(60).build(pool_));
  PacketBatch batch;
  while (batch.room() > 2) batch.push(outgoing(Be16(0x88b5)).pattern(60).build(pool_));
  const Nanoseconds deadline = monotonic_ns() + 1'000'000'000;
  while (!batch.full() && monotonic_ns() < deadline) port().receive(pool_, batch);
  EXPECT_TRUE(batch.full());
  port().receive(pool_, batch);
  EXPECT_TRUE(batch.full());
  batch.clear();
  EXPECT_EQ(engine_receive(1).size(), 1U);
}

}  // namespace netkit::testing_kit
