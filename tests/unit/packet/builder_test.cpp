#include "packet/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "packet/checker.h"

namespace netkit {
namespace {

using namespace check;  // NOLINT: the sentences of this file

constexpr MacAddress kA{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kB{{2, 0, 0, 0, 0, 2}};

TEST(Builder, FillsInLengthsProtocolsAndChecksums) {
  const std::vector<std::uint8_t> expected = {
      2,    0,    0,    0,    0,    2,    2,    0,    0,    0,    0,    1,    0x81, 0x00,  // ethernet
      0x20, 0x05, 0x08, 0x00,                                                              // vlan
      0x45, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x40, 0x11, 0x66, 0xcc,              // ipv4
      0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02,                                      //
      0x03, 0xe8, 0x00, 0x35, 0x00, 0x0b, 0x23, 0x56,                                      // udp
      'a',  'b',  'c'};
  EXPECT_EQ(PacketBuilder()
                .ethernet(kA, kB)
                .vlan(0x2005)
                .ip("10.0.0.1", "10.0.0.2")
                .udp(1000, 53)
                .payload("abc")
                .bytes(),
            expected);
}

TEST(Builder, KeepsWhatAHeaderSets) {
  const auto bytes = PacketBuilder()
                         .ipv4({.total_length = Be16{9}, .protocol = 200, .checksum = Be16{0x1234}})
                         .udp({.length = Be16{3}, .checksum = Be16{5}})
                         .bytes();
  const auto ip = read_header<Ipv4Header>(bytes);
  EXPECT_EQ(ip->total_length, Be16{9});
  EXPECT_EQ(ip->protocol, 200);
  EXPECT_EQ(ip->checksum, Be16{0x1234});
  const auto udp = read_header<UdpHeader>(std::span(bytes).subspan(20));
  EXPECT_EQ(udp->length, Be16{3});
  EXPECT_EQ(udp->checksum, Be16{5});
}

TEST(Builder, SetsTheMetadataThatFollow) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder()
                               .ethernet(kA, kB)
                               .vlan_tag(7, kProtoQinq)
                               .ip("fd00::1", "fd00::2")
                               .tcp(1, 2)
                               .gso(100)
                               .pattern(250)
                               .build(pool, 300);
  const PacketMeta& meta = packet->meta;
  EXPECT_EQ(packet->headroom(), 300U);
  EXPECT_EQ(meta.protocol, kProtoIpv6);
  EXPECT_EQ(meta.mac_len, 14);
  EXPECT_EQ(packet->offset_of(meta.mac_header), 0);
  EXPECT_EQ(packet->offset_of(meta.network_header), 14);
  EXPECT_EQ(packet->offset_of(meta.transport_header), 54);
  EXPECT_EQ(meta.csum.state, ChecksumState::kPartial);
  EXPECT_EQ(packet->offset_of(meta.csum.start), 54);
  EXPECT_EQ(meta.csum.offset, 16);
  EXPECT_TRUE(meta.vlan.present);
  EXPECT_EQ(meta.vlan.proto, kProtoQinq);
  EXPECT_EQ(meta.vlan.tci, 7);
  EXPECT_EQ(differences(*packet, check::gso(kGsoTcp6, 100, 3)), "");
}

TEST(Builder, WritesZeroLengthsIntoBigTcp) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).pattern(70'000).build(pool);
  EXPECT_EQ(read_header<Ipv4Header>(packet->bytes())->total_length, Be16{0});
  EXPECT_EQ(differences(*packet, ipv4(), tcp(), correct_checksum), "");
}

TEST(Checker, SaysWhatDiffers) {
  PacketPool pool;
  const auto of = [&](const PacketBuilder& builder, auto... checks) {
    return differences(*builder.build(pool), checks...);
  };
  const auto frame = [] {
    return PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1000, 53).payload("abc");
  };
  EXPECT_EQ(of(frame(), ethernet(from(kA), to(kB), ether_type(kProtoIpv4)), ipv4(ttl(64)), udp(),
               payload("abc"), correct_checksum),
            "");
  EXPECT_EQ(of(frame(), ethernet(from(kB))),
            "ethernet source is 02:00:00:00:00:01, expected 02:00:00:00:00:02");
  EXPECT_EQ(of(frame(), ethernet(), ipv4(from("10.0.0.9"))), "ipv4 source is 10.0.0.1, expected 10.0.0.9");
  EXPECT_EQ(of(frame(), ethernet(), ipv4(ttl(63))), "ipv4 ttl is 64, expected 63");
  EXPECT_EQ(of(frame(), ethernet(), ipv4(), udp(to_port(54))), "udp destination port is 53, expected 54");
  EXPECT_EQ(of(frame(), ethernet(), ipv4(), udp(), payload("abd")), "payload byte 2 is 99, expected 100");
  EXPECT_EQ(of(frame(), ethernet(), ipv4(), udp(), payload("ab")), "payload length is 3, expected 2");
  EXPECT_EQ(of(frame(), ethernet(), ipv6()), "no whole ipv6 header at byte 14");
  EXPECT_EQ(of(frame(), length(40)), "length is 45, expected 40");
  EXPECT_EQ(of(frame(), meta("mark", &PacketMeta::mark, 7U)), "mark is 0, expected 7");
  EXPECT_EQ(of(frame(), partial_checksum), "the transport checksum is not partial");
  EXPECT_EQ(of(PacketBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).wrong_checksum(), correct_checksum),
            "the transport checksum is wrong");
  EXPECT_EQ(of(PacketBuilder().ipv4({.checksum = Be16{1}}), ipv4()), "ipv4 header checksum is wrong");
  EXPECT_EQ(of(PacketBuilder().ipv4({.total_length = Be16{21}}), ipv4()),
            "ipv4 total length is 21, expected 20");
  EXPECT_EQ(of(PacketBuilder().ip("fd00::1", "fd00::2").icmpv6({.type = kIcmpv6EchoRequest}),
               ipv6(to("fd00::2"), hop_limit(64)), icmp(type(128)), correct_checksum),
            "");
  EXPECT_EQ(of(PacketBuilder().ethernet(kA, kB).arp({.operation = kArpReply}), ethernet(),
               arp(is("operation", &ArpHeader::operation, kArpRequest))),
            "arp operation is 2, expected 1");
}

}  // namespace
}  // namespace netkit
