#include "packet/coalesce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "packet/builder.h"
#include "packet/checker.h"
#include "packet/segment.h"
#include "tests/support/allocation_counter.h"

namespace netkit {
namespace {

using namespace check;  // NOLINT: the sentences of this file
using enum TcpHeader::Flag;

constexpr MacAddress kA{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kB{{2, 0, 0, 0, 0, 2}};
constexpr std::uint16_t kDf = Ipv4Header::kDontFragment;

class Coalescing : public ::testing::Test {
 protected:
  static PacketBuilder v4(std::uint16_t id = 0, std::uint16_t flags = kDf) {
    return PacketBuilder().ethernet(kA, kB).ipv4({.id = Be16{id},
                                                  .flags_offset = Be16{flags},
                                                  .source = Be32{0x0a000001},
                                                  .destination = Be32{0x0a000002}});
  }
  static PacketBuilder v6() { return PacketBuilder().ethernet(kA, kB).ip("fd00::1", "fd00::2"); }
  static PacketBuilder datagram(std::string_view payload, std::uint16_t port = 53) {
    return v4().udp(1000, port).payload(payload);
  }
  static PacketBuilder segment_at(std::uint32_t seq, std::string_view payload, int flags = kAck) {
    return v4()
        .tcp({.source = Be16{80},
              .destination = Be16{4000},
              .seq = Be32{seq},
              .flags = static_cast<std::uint8_t>(flags)})
        .payload(payload);
  }

  void add(PacketPtr packet) { coalescer_.add(std::move(packet), sink()); }
  void add(const PacketBuilder& builder) { add(builder.build(pool_)); }
  std::vector<PacketPtr> flushed() {
    coalescer_.flush(sink());
    return std::exchange(out_, {});
  }
  std::function<void(PacketPtr)> sink() {
    return [this](PacketPtr packet) { out_.push_back(std::move(packet)); };
  }

  PacketPool pool_;
  Coalescer coalescer_;
  std::vector<PacketPtr> out_;
};

TEST_F(Coalescing, MergesDatagramsOfAFlow) {
  for (const char* payload : {"abcd", "efgh", "ijkl"}) add(datagram(payload));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(differences(*got[0], ethernet(from(kA), to(kB)), ipv4(from("10.0.0.1"), to("10.0.0.2")),
                        udp(from_port(1000), to_port(53)), payload("abcdefghijkl"),
                        check::gso(kGsoUdpL4, 4, 3), partial_checksum),
            "");
}

TEST_F(Coalescing, MergesDatagramsOverIpv6BehindTagsAndExtensions) {
  for (const char* payload : {"abcd", "efgh"}) {
    add(PacketBuilder()
            .ethernet(kA, kB)
            .vlan(5)
            .ip("fd00::1", "fd00::2")
            .extension(kIpDestination)
            .udp(1000, 53)
            .payload(payload));
  }
  const auto got = flushed();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(differences(*got[0], ethernet(), vlan(5), ipv6(), udp(), payload("abcdefgh"),
                        check::gso(kGsoUdpL4, 4, 2), partial_checksum),
            "");
}

TEST_F(Coalescing, LeavesALonePacketAsItIs) {
  const auto bytes = datagram("abcd").bytes();
  add(datagram("abcd"));
  EXPECT_TRUE(out_.empty()) << "held until the flush";
  const auto got = flushed();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_THAT(got[0]->bytes(), ::testing::ElementsAreArray(bytes));
  EXPECT_EQ(differences(*got[0], check::gso(0, 0, 0), correct_checksum), "");
}

TEST_F(Coalescing, EndsASuperPacketWithAShorterDatagram) {
  for (const char* payload : {"abcd", "ef", "ghij"}) add(datagram(payload));
  EXPECT_EQ(out_.size(), 1U);
  const auto got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), udp(), payload("abcdef"), check::gso(kGsoUdpL4, 4, 2)),
            "");
  EXPECT_EQ(differences(*got[1], ethernet(), ipv4(), udp(), payload("ghij")), "");
}

TEST_F(Coalescing, BeginsAnewWithALongerDatagram) {
  for (const char* payload : {"ab", "cdef"}) add(datagram(payload));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), udp(), payload("ab")), "");
  EXPECT_EQ(differences(*got[1], ethernet(), ipv4(), udp(), payload("cdef")), "");
}

TEST_F(Coalescing, KeepsFlowsApart) {
  for (int i = 0; i < 3; ++i) {
    add(datagram("abcd", 53));
    add(datagram("efgh", 54));
  }
  const auto got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), udp(to_port(53)), payload("abcdabcdabcd")), "");
  EXPECT_EQ(differences(*got[1], ethernet(), ipv4(), udp(to_port(54)), payload("efghefghefgh")), "");
}

TEST_F(Coalescing, MakesRoomForMoreFlowsThanItHasSlots) {
  for (std::uint16_t port = 0; port < 100; ++port) add(datagram("abcd", port));
  EXPECT_EQ(flushed().size(), 100U);
}

TEST_F(Coalescing, StopsAtItsLimits) {
  coalescer_ = Coalescer({.segments = 3});
  for (int i = 0; i < 7; ++i) add(datagram("abcd"));
  auto got = flushed();
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0]->meta.gso.segs, 3);
  EXPECT_EQ(got[2]->meta.gso.segs, 0);

  coalescer_ = Coalescer();
  for (int i = 0; i < 50; ++i) add(v4().udp(1, 2).pattern(1472));
  got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0]->meta.gso.segs, 44);
  EXPECT_LE(got[0]->len(), 65535U + 14U);
  EXPECT_EQ(got[1]->meta.gso.segs, 6);
}

TEST_F(Coalescing, DoesWhatItIsAllowedTo) {
  coalescer_ = Coalescer({.udp = false});
  for (int i = 0; i < 3; ++i) add(datagram("abcd"));
  EXPECT_EQ(flushed().size(), 3U);
}

TEST_F(Coalescing, TakesPartialAndVerifiedChecksums) {
  add(v4().udp(1, 2).partial_checksum().payload("abcd"));
  const PacketPtr verified = v4().udp(1, 2).wrong_checksum().payload("efgh").build(pool_);
  PacketPtr copy = pool_.copy(*verified);
  copy->meta.csum.state = ChecksumState::kUnnecessary;
  add(std::move(copy));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(differences(*got[0], partial_checksum, check::gso(kGsoUdpL4, 4, 2)), "");
}

TEST_F(Coalescing, NeverRepairsAPacketByMergingIt) {
  const auto kept_apart = [&](auto make) {
    add(datagram("abcd"));
    add(make());
    add(datagram("abcd"));
    return flushed().size() == 3;
  };
  EXPECT_TRUE(kept_apart([] { return v4().udp(1000, 53).wrong_checksum().payload("abcd"); }));
  EXPECT_TRUE(kept_apart([] { return v4().udp(1000, 53).no_checksum().payload("abcd"); }));
  EXPECT_TRUE(kept_apart([] {
    return v4().udp({.source = Be16{1000}, .destination = Be16{53}, .length = Be16{11}}).payload("abcd");
  }));
  EXPECT_TRUE(kept_apart([] {
    return PacketBuilder()
        .ethernet(kA, kB)
        .ipv4({.flags_offset = Be16{kDf},
               .checksum = Be16{1},
               .source = Be32{0x0a000001},
               .destination = Be32{0x0a000002}})
        .udp(1000, 53)
        .payload("abcd");
  }));
  EXPECT_TRUE(kept_apart([] {
    return PacketBuilder()
        .ethernet(kA, kB)
        .ipv4({.flags_offset = Be16{kDf},
               .ttl = 63,
               .source = Be32{0x0a000001},
               .destination = Be32{0x0a000002}})
        .udp(1000, 53)
        .payload("abcd");
  }));
  EXPECT_TRUE(kept_apart([] { return datagram(""); }));
}

TEST_F(Coalescing, MergesOnlyEqualMetadata) {
  add(datagram("abcd"));
  PacketPtr marked = datagram("abcd").build(pool_);
  marked->meta.mark = 1;
  add(std::move(marked));
  add(datagram("abcd").vlan_tag(3));
  EXPECT_EQ(flushed().size(), 3U);
}

TEST_F(Coalescing, WantsIdsInARowWherePacketsMayBeFragmented) {
  add(v4(7, 0).udp(1, 2).payload("abcd"));
  add(v4(8, 0).udp(1, 2).payload("abcd"));
  add(v4(10, 0).udp(1, 2).payload("abcd"));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0]->meta.gso.segs, 2);
}

TEST_F(Coalescing, IgnoresThePaddingOfShortFrames) {
  for (int i = 0; i < 2; ++i) add(datagram("abcd").pad_to(60));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), udp(), payload("abcdabcd")), "");
}

TEST_F(Coalescing, KeepsTheOrderOfAFlowWithWhatCannotMerge) {
  add(datagram("abcd"));
  add(datagram(""));
  add(datagram("efgh").gso(2));
  EXPECT_EQ(out_.size(), 3U) << "nothing overtakes";
  add(datagram("ijkl"));
  add(v4(0, Ipv4Header::kMoreFragments).udp(9, 9).payload("a fragment"));
  EXPECT_EQ(out_.size(), 5U);
  const auto got = flushed();
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), udp(), payload("abcd")), "");
  EXPECT_EQ(got[1]->len(), 42U);
  EXPECT_EQ(got[2]->meta.gso.size, 2);
  EXPECT_EQ(differences(*got[3], ethernet(), ipv4(), udp(), payload("ijkl")), "");
}

TEST_F(Coalescing, PassesOtherProtocolsThrough) {
  add(PacketBuilder().ethernet(kA, kB).arp({}));
  add(v4().icmp({}));
  add(pool_.allocate(5));
  EXPECT_EQ(out_.size(), 3U);
}

TEST_F(Coalescing, MergesTcpSegmentsInARow) {
  add(segment_at(0xffff'fffe, "abcd"));
  add(segment_at(2, "efgh"));
  add(segment_at(6, "ij", kAck | kPsh));
  EXPECT_EQ(out_.size(), 1U) << "PSH ends it";
  const auto got = flushed();
  EXPECT_EQ(differences(*got[0], ethernet(), ipv4(), tcp(seq(0xffff'fffe), flags(kAck | kPsh)),
                        payload("abcdefghij"), check::gso(kGsoTcp4, 4, 3), partial_checksum),
            "");
}

TEST_F(Coalescing, MergesTcpOverIpv6WithEqualOptions) {
  const auto with_stamp = [](std::uint32_t at, std::uint8_t stamp) {
    const std::array<std::uint8_t, 12> options = {1, 1, 8, 10, 0, 0, 0, stamp, 0, 0, 0, 1};
    return v6().tcp({.seq = Be32{at}}, options).payload("abcd");
  };
  add(with_stamp(0, 1));
  add(with_stamp(4, 1));
  add(with_stamp(8, 2));
  const auto got = flushed();
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(differences(*got[0], check::gso(kGsoTcp6, 4, 2), partial_checksum), "");
}

TEST_F(Coalescing, LeavesTcpThatMeansMoreThanDataAlone) {
  const auto apart = [&](const PacketBuilder& second) {
    add(segment_at(0, "abcd"));
    add(second);
    return flushed().size() == 2;
  };
  EXPECT_FALSE(apart(segment_at(4, "efgh")));
  EXPECT_TRUE(apart(segment_at(5, "efgh"))) << "a gap";
  EXPECT_TRUE(apart(segment_at(0, "efgh"))) << "sent again";
  EXPECT_TRUE(apart(segment_at(4, ""))) << "an acknowledgement";
  for (const int flag : {kSyn, kRst, kUrg, kCwr, kEce})
    EXPECT_TRUE(apart(segment_at(4, "efgh", kAck | flag))) << flag;
}

// Whatever goes in comes out again, in the order of its flow, once the super-packets are cut.
TEST_F(Coalescing, ThenSegmentationGivesTheSamePackets) {
  std::mt19937 random(3);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int round = 0; round < 100; ++round) {
    std::map<std::uint16_t, std::vector<std::vector<std::uint8_t>>> sent;
    std::map<std::uint16_t, std::vector<std::vector<std::uint8_t>>> got;
    std::map<std::uint16_t, std::uint32_t> next_seq;
    std::map<std::uint16_t, std::uint16_t> next_id;
    const std::uint32_t usual = 1 + below(1400);
    const auto note = [&](PacketPtr packet) {
      const auto keep = [&](PacketPtr p) {
        const auto port = load_unaligned<Be16>(p->data() + dissect(*p)->transport).host();
        got[port].emplace_back(p->bytes().begin(), p->bytes().end());
      };
      if (!is_gso(*packet)) return keep(std::move(packet));
      ASSERT_TRUE(netkit::segment(*packet, pool_, SegmentChecksum::kComplete, keep));
    };
    for (int i = 0; i < 200; ++i) {
      const auto port = static_cast<std::uint16_t>(below(6));
      PacketBuilder builder = port % 2 == 0 ? v6() : v4(next_id[port]++, 0);
      const std::uint32_t size = below(10) == 0 ? below(1400) : usual;
      if (port < 4) {
        builder.udp(port, 9);
      } else {
        const auto flag = below(20) == 0 ? static_cast<std::uint8_t>(kAck | kPsh) : std::uint8_t{kAck};
        builder.tcp({.source = Be16{port}, .seq = Be32{next_seq[port]}, .flags = flag});
        next_seq[port] += size;
      }
      builder.pattern(size);
      sent[port].push_back(builder.bytes());
      coalescer_.add(builder.build(pool_), note);
      if (below(40) == 0) coalescer_.flush(note);
    }
    coalescer_.flush(note);
    ASSERT_EQ(got, sent);
  }
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(Coalescing, GoesOnWithoutMergingWhenThePoolIsEmpty) {
  PacketPool small({.packets = {20, 0, 0}});
  std::vector<PacketPtr> got;
  const auto keep = [&](PacketPtr packet) { got.push_back(std::move(packet)); };
  for (int i = 0; i < 4; ++i) coalescer_.add(v4().udp(1, 2).pattern(1400).build(small), keep);
  coalescer_.flush(keep);
  EXPECT_EQ(got.size(), 4U);
}

TEST_F(Coalescing, DoesNotAllocate) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  std::array<PacketPtr, 40> packets;
  const auto forget = [](const PacketPtr&) {};
  const auto run = [&] {
    for (PacketPtr& packet : packets) packet = v4().udp(1, 2).pattern(1400).build(pool_);
    const std::uint64_t before = testing::allocations();
    for (PacketPtr& packet : packets) coalescer_.add(std::move(packet), forget);
    coalescer_.flush(forget);
    return testing::allocations() - before;
  };
  run();
  EXPECT_EQ(run(), 0U);
}

}  // namespace
}  // namespace netkit
