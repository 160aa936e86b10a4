#include "packet/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "packet/builder.h"
#include "packet/checker.h"
#include "tests/support/allocation_counter.h"

namespace netkit {
namespace {

using namespace check;  // NOLINT: the sentences of this file

constexpr MacAddress kA{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kB{{2, 0, 0, 0, 0, 2}};

class Segmentation : public ::testing::Test {
 protected:
  std::vector<PacketPtr> cut(const Packet& super, SegmentChecksum checksum = SegmentChecksum::kComplete) {
    std::vector<PacketPtr> segments;
    const auto count =
        segment(super, pool_, checksum, [&](PacketPtr p) { segments.push_back(std::move(p)); });
    EXPECT_TRUE(count) << (count ? "" : describe(count.error()).text);
    EXPECT_EQ(count.value_or(0), segments.size());
    return segments;
  }
  DropReason refusal(const Packet& super) {
    const auto count = segment(super, pool_, SegmentChecksum::kComplete, [](const PacketPtr&) {});
    return count ? DropReason::kNone : count.error();
  }
  static PacketBuilder frame() { return PacketBuilder().ethernet(kA, kB); }

  PacketPool pool_;
};

TEST_F(Segmentation, OfTcpOverIpv4) {
  using enum TcpHeader::Flag;
  const PacketPtr super =
      frame()
          .ipv4({.id = Be16{0xffff}, .source = Be32{0x0a000001}, .destination = Be32{0x0a000002}})
          .tcp({.source = Be16{80},
                .destination = Be16{4000},
                .seq = Be32{0xffff'fff0},
                .ack_seq = Be32{7},
                .flags = kAck | kPsh | kFin | kCwr})
          .gso(10)
          .pattern(25)
          .build(pool_);
  EXPECT_EQ(super->meta.gso.segs, 3);
  const auto bytes = super->bytes().subspan(54);
  const auto got = cut(*super);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(
      differences(*got[0], ethernet(from(kA), to(kB)), ipv4(from("10.0.0.1"), to("10.0.0.2"), ip_id(0xffff)),
                  tcp(from_port(80), to_port(4000), seq(0xffff'fff0), ack_seq(7), flags(kAck | kCwr)),
                  payload(bytes.first(10)), correct_checksum, length(64), gso(0, 0, 0)),
      "");
  EXPECT_EQ(differences(*got[1], ethernet(), ipv4(ip_id(0)), tcp(seq(0xffff'fffa), flags(kAck)),
                        payload(bytes.subspan(10, 10)), correct_checksum),
            "");
  EXPECT_EQ(differences(*got[2], ethernet(), ipv4(ip_id(1)), tcp(seq(4), flags(kAck | kPsh | kFin)),
                        payload(bytes.subspan(20)), correct_checksum),
            "");
}

TEST_F(Segmentation, KeepsTheIdWhereItIsFixed) {
  const PacketPtr super = frame().ipv4({.id = Be16{5}}).tcp(1, 2).gso(10).pattern(20).build(pool_);
  super->meta.gso.type |= kGsoTcpFixedId;
  const auto got = cut(*super);
  EXPECT_EQ(differences(*got[1], ethernet(), ipv4(ip_id(5))), "");
}

TEST_F(Segmentation, OfUdpOverIpv6) {
  const PacketPtr super = frame().ip("fd00::1", "fd00::2").udp(1000, 53).gso(1200).pattern(2500).build(pool_);
  EXPECT_EQ(super->meta.gso.type, kGsoUdpL4);
  const auto bytes = super->bytes().subspan(62);
  const auto got = cut(*super);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(differences(*got[0], ethernet(), ipv6(from("fd00::1")), udp(from_port(1000), to_port(53)),
                        payload(bytes.first(1200)), correct_checksum),
            "");
  EXPECT_EQ(differences(*got[2], ethernet(), ipv6(), udp(), payload(bytes.subspan(2400)), correct_checksum),
            "");
}

TEST_F(Segmentation, LeavesChecksumsPartialWhenAsked) {
  const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").udp(1000, 53).gso(100).pattern(250).build(pool_);
  for (const PacketPtr& packet : cut(*super, SegmentChecksum::kPartial)) {
    EXPECT_EQ(differences(*packet, partial_checksum), "");
  }
}

TEST_F(Segmentation, KeepsUdpWithoutChecksumSo) {
  const PacketPtr super =
      frame().ip("10.0.0.1", "10.0.0.2").udp(1000, 53).gso(100).no_checksum().pattern(250).build(pool_);
  ASSERT_EQ(super->meta.csum.state, ChecksumState::kNone);
  for (const PacketPtr& packet : cut(*super)) {
    EXPECT_EQ(differences(*packet, correct_checksum), "there is no transport checksum");
  }
}

TEST_F(Segmentation, MakesChecksumsThatTheSuperPacketDidNotPrepare) {
  const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).pattern(250).build(pool_);
  super->meta.gso = {.type = kGsoTcp4, .size = 100};
  for (const PacketPtr& packet : cut(*super)) EXPECT_EQ(differences(*packet, correct_checksum), "");
}

TEST_F(Segmentation, TrustsThePseudoHeaderOfThePartialChecksum) {
  const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(100).pattern(250).build(pool_);
  super->data()[29] = 9;  // the source address changes, the partial checksum does not follow
  for (const PacketPtr& packet : cut(*super)) {
    EXPECT_EQ(differences(*packet, correct_checksum), "the transport checksum is wrong");
  }
}

TEST_F(Segmentation, OfBigTcp) {
  for (const char* text : {"10.0.0.1", "fd00::1"}) {
    const PacketPtr super = frame().ip(text, text).tcp(1, 2).gso(1448).pattern(300'000).build(pool_);
    ASSERT_NE(super, nullptr);
    const auto got = cut(*super);
    EXPECT_EQ(got.size(), 208U);
    EXPECT_EQ(super->meta.gso.segs, 208);
    for (const PacketPtr& packet : got) ASSERT_EQ(differences(*packet, correct_checksum), "");
  }
}

TEST_F(Segmentation, RemovesTheJumboOption) {
  const PacketPtr super = frame().ip("fd00::1", "fd00::2").tcp(1, 2).gso(1000).pattern(70'000).build(pool_);
  const PacketPtr plain = pool_.copy(*super);
  ASSERT_TRUE(insert_jumbo_option(*super, *dissect(*super)));
  const auto jumbo = dissect(*super);
  ASSERT_TRUE(jumbo);
  EXPECT_EQ(super->len(), plain->len() + 8);
  EXPECT_EQ(jumbo->transport, 62U);
  EXPECT_EQ(super->offset_of(super->meta.transport_header), 62);
  EXPECT_EQ(load_unaligned<Be32>(super->data() + 58), Be32{70'000 + 20 + 8});

  const auto got = cut(*super);
  const auto expected = cut(*plain);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_THAT(got[i]->bytes(), ::testing::ElementsAreArray(expected[i]->bytes()));
    ASSERT_EQ(got[i]->offset_of(got[i]->meta.transport_header), 54);
  }
}

TEST_F(Segmentation, KeepsMetadataAndPositions) {
  const PacketPtr super =
      frame().vlan_tag(7).ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(100).pattern(250).build(pool_);
  super->meta.mark = 42;
  super->meta.priority = 3;
  super->meta.meta_len = 8;
  for (const PacketPtr& packet : cut(*super)) {
    EXPECT_EQ(differences(*packet, meta("mark", &PacketMeta::mark, 42U),
                          meta("priority", &PacketMeta::priority, 3U)),
              "");
    EXPECT_TRUE(packet->meta.vlan.present);
    EXPECT_EQ(packet->meta.meta_len, 0);
    EXPECT_EQ(packet->offset_of(packet->meta.mac_header), 0);
    EXPECT_EQ(packet->offset_of(packet->meta.network_header), 14);
    EXPECT_EQ(packet->offset_of(packet->meta.transport_header), 34);
    EXPECT_TRUE(packet->is_linear());
  }
}

TEST_F(Segmentation, OfOneSegmentIsThePacketWithoutGso) {
  for (const std::uint32_t size : {0U, 99U, 100U}) {
    const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(100).pattern(size).build(pool_);
    const auto got = cut(*super);
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(differences(*got[0], correct_checksum, length(54 + size), gso(0, 0, 0)), "");
  }
}

// Whatever is cut gives the same bytes when it is put together again.
TEST_F(Segmentation, ThenReassemblyGivesTheSameBytes) {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int round = 0; round < 400; ++round) {
    PacketBuilder builder = frame();
    for (std::uint32_t tags = below(3); tags > 0; --tags) builder.vlan(static_cast<std::uint16_t>(tags));
    const bool v6 = below(2) == 0;
    builder.ip(v6 ? "fd00::1" : "10.0.0.1", v6 ? "fd00::2" : "10.0.0.2");
    for (std::uint32_t headers = v6 ? below(3) : 0; headers > 0; --headers) {
      builder.extension(headers == 1 ? kIpDestination : kIpHopByHop);
    }
    const bool udp_super = below(2) == 0;
    const std::vector<std::uint8_t> options(below(11) * 4, 1);
    const std::uint32_t start = below(0xffff'ffff);
    if (udp_super) {
      builder.udp(1, 2);
    } else {
      builder.tcp({.source = Be16{1}, .destination = Be16{2}, .seq = Be32{start}}, options);
    }
    const auto size = static_cast<std::uint16_t>(1 + below(3000));
    const std::uint32_t bytes = below(std::min<std::uint32_t>(size * 40U, 60'000));
    const PacketPtr super = builder.gso(size).pattern(bytes).build(pool_);
    const auto got = cut(*super, below(2) == 0 ? SegmentChecksum::kComplete : SegmentChecksum::kPartial);
    ASSERT_EQ(got.size(), super->meta.gso.segs);

    const std::uint32_t headers = super->len() - bytes;
    std::vector<std::uint8_t> together(super->data(), super->data() + headers);
    std::uint32_t on_wire = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const PacketPtr& packet = got[i];
      on_wire += packet->len();
      ASSERT_TRUE(complete_checksum(*packet));
      ASSERT_EQ(differences(*packet, correct_checksum), "");
      ASSERT_LE(packet->len(), headers + size);
      ASSERT_TRUE(i + 1 == got.size() || packet->len() == headers + size);
      if (!udp_super) {
        const auto tcp_header =
            read_header<TcpHeader>(packet->range(headers - 20 - static_cast<std::uint32_t>(options.size()),
                                                 20 + static_cast<std::uint32_t>(options.size())));
        ASSERT_EQ(tcp_header->seq.host(), start + together.size() - headers);
      }
      together.insert(together.end(), packet->data() + headers, packet->data() + packet->len());
    }
    ASSERT_THAT(together, ::testing::ElementsAreArray(super->bytes()));
    ASSERT_EQ(wire_length(*super), on_wire);
  }
}

TEST_F(Segmentation, RefusesWhatContradictsItself) {
  const auto super = [&] {
    return frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(100).pattern(250).build(pool_);
  };
  const auto refused = [&](auto spoil) {
    const PacketPtr packet = super();
    spoil(*packet);
    return refusal(*packet);
  };
  EXPECT_EQ(refused([](Packet&) {}), DropReason::kNone);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.size = 0; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.type = kGsoNone; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.type = kGsoTcp6; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.type = kGsoUdpL4; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.data()[20] = 0x20; }), DropReason::kMalformed) << "a fragment";
  EXPECT_EQ(refused([](Packet& p) {
              p.data()[46] = 0xf0;
              p.trim(60);
            }),
            DropReason::kMalformed)
      << "TCP options";
  EXPECT_EQ(refused([](Packet& p) { p.trim(53); }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.trim(10); }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.csum.offset = 6; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.csum.start += 4; }), DropReason::kMalformed);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.type |= kGsoUdpTunnel; }), DropReason::kUnsupportedGso);
  EXPECT_EQ(refused([](Packet& p) { p.meta.gso.type |= 1U << 31U; }), DropReason::kUnsupportedGso);
}

TEST_F(Segmentation, RefusesMoreSegmentsThanTheKernelCounts) {
  const PacketPtr packet = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(1).pattern(65'536).build(pool_);
  EXPECT_EQ(refusal(*packet), DropReason::kMalformed);
  EXPECT_EQ(segment_count(*packet), 65535);
}

TEST_F(Segmentation, SaysWhenThePoolIsEmpty) {
  PacketPool small({.packets = {2, 0, 0}});
  const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(100).pattern(250).build(pool_);
  std::vector<PacketPtr> kept;
  const auto count =
      segment(*super, small, SegmentChecksum::kPartial, [&](PacketPtr p) { kept.push_back(std::move(p)); });
  EXPECT_EQ(count.error(), DropReason::kNoMemory);
  EXPECT_EQ(kept.size(), 2U);
}

TEST_F(Segmentation, DoesNotAllocate) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  const PacketPtr super = frame().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).gso(1448).pattern(60'000).build(pool_);
  const auto run = [&] {
    return segment(*super, pool_, SegmentChecksum::kComplete, [](const PacketPtr&) {});
  };
  ASSERT_EQ(run(), 42U);
  const std::uint64_t before = testing::allocations();
  ASSERT_EQ(run(), 42U);
  EXPECT_EQ(testing::allocations(), before);
}

TEST(SegmentCount, OfOrdinaryAndUnreadablePacketsIsOne) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder().ethernet(kA, kB).arp({}).build(pool);
  EXPECT_EQ(segment_count(*packet), 1);
  packet->meta.gso.size = 5;
  EXPECT_EQ(segment_count(*packet), 1);
  EXPECT_EQ(wire_length(*packet), packet->len());
}

}  // namespace
}  // namespace netkit
