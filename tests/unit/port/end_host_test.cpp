#include "port/end_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/builder.h"
#include "packet/dissect.h"
#include "port/in_process.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

// A host at one end of a port, the test at the other.
class EndHostTest : public testing::Test {
 protected:
  explicit EndHostTest(const MacAddress& mac = kMacB)
      : ports_(make_in_process_ports()),
        host_({.mac = mac,
               .addresses = {*parse_prefix("10.0.0.2/24"), *parse_prefix("fd00::2/64")},
               .gateways = {}},
              *ports_.second, pool_) {}

  // What the host sends because of the packet.
  std::vector<PacketPtr> answers(PacketPtr packet) {
    PacketBatch batch;
    batch.push(std::move(packet));
    ports_.first->send(batch);
    host_.poll();
    return sent();
  }
  std::vector<PacketPtr> sent() {
    std::vector<PacketPtr> packets;
    PacketBatch batch;
    ports_.first->receive(pool_, batch);
    for (PacketPtr& packet : batch) packets.push_back(std::move(packet));
    return packets;
  }
  PacketBuilder to_host() { return PacketBuilder().ethernet(kMacA, kMacB); }
  // The host knows who asks.
  void introduce() {
    answers(to_host().arp(arp_request()).build(pool_));
    answers(solicitation("fd00::2", "fd00::1"));
  }
  static ArpHeader arp_request() {
    return {.sender_mac = kMacA, .sender_ip = {10, 0, 0, 1}, .target_mac = {}, .target_ip = {10, 0, 0, 2}};
  }
  PacketPtr solicitation(const char* target, const char* from, std::uint8_t hop_limit = 255) {
    std::vector<std::uint8_t> rest;
    const IpAddress address = *parse_ip(target);
    rest.insert(rest.end(), address.storage.begin(), address.storage.end());
    if (std::string_view(from) != "::") {
      rest.insert(rest.end(), {1, 1});
      rest.insert(rest.end(), kMacA.bytes.begin(), kMacA.bytes.end());
    }
    return PacketBuilder()
        .ethernet(kMacA, {{0x33, 0x33, 0xff, 0, 0, address.storage[15]}})
        .ipv6({.hop_limit = hop_limit,
               .source = parse_ip(from)->storage,
               .destination = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, address.storage[15]}})
        .icmpv6({.type = kIcmpv6NeighborSolicitation})
        .payload(rest)
        .build(pool_);
  }
  static Layout layout_of(const Packet& packet) {
    const auto layout = dissect(packet.bytes(), packet.meta.protocol, EthernetHeader::kSize);
    EXPECT_TRUE(layout);
    return layout.value_or(Layout{});
  }

  PacketPool pool_;
  InProcessPorts ports_;
  EndHost host_;
};

TEST_F(EndHostTest, AnswersArpForItsOwnAddressOnly) {
  const auto replies =
      answers(PacketBuilder().ethernet(kMacA, kBroadcastMac).arp(arp_request()).build(pool_));
  ASSERT_EQ(replies.size(), 1U);
  const auto ethernet = *read_header<EthernetHeader>(replies[0]->bytes());
  EXPECT_EQ(ethernet.destination, kMacA);
  EXPECT_EQ(ethernet.source, kMacB);
  const auto arp = *read_header<ArpHeader>(replies[0]->bytes().subspan(14));
  EXPECT_EQ(arp.operation, kArpReply);
  EXPECT_EQ(arp.sender_mac, kMacB);
  EXPECT_EQ(arp.sender_ip, (std::array<std::uint8_t, 4>{10, 0, 0, 2}));
  EXPECT_EQ(arp.target_mac, kMacA);
  EXPECT_EQ(arp.target_ip, (std::array<std::uint8_t, 4>{10, 0, 0, 1}));
  EXPECT_EQ(host_.neighbour(*parse_ip("10.0.0.1")), kMacA);
  ArpHeader other = arp_request();
  other.target_ip[3] = 9;
  EXPECT_TRUE(answers(to_host().arp(other).build(pool_)).empty());
}

TEST_F(EndHostTest, AnswersANeighbourSolicitationWithItsLinkLayerAddress) {
  const auto replies = answers(solicitation("fd00::2", "fd00::1"));
  ASSERT_EQ(replies.size(), 1U);
  const auto bytes = replies[0]->bytes();
  EXPECT_EQ(read_header<EthernetHeader>(bytes)->destination, kMacA);
  EXPECT_EQ(read_header<Ipv6Header>(bytes.subspan(14))->hop_limit, 255);
  const auto icmp = *read_header<IcmpHeader>(bytes.subspan(54));
  EXPECT_EQ(icmp.type, kIcmpv6NeighborAdvertisement);
  EXPECT_EQ(icmp.rest[0].host(), 0x6000);  // solicited, override
  EXPECT_EQ(IpAddress::from_bytes(bytes.subspan(62, 16)), *parse_ip("fd00::2"));
  EXPECT_EQ(bytes[78], 2);  // target link-layer address
  EXPECT_EQ(bytes[79], 1);
  EXPECT_EQ(load_unaligned<MacAddress>(bytes.data() + 80), kMacB);
  EXPECT_EQ(verify_transport_checksum(bytes, layout_of(*replies[0])), ChecksumVerdict::kCorrect);
}

TEST_F(EndHostTest, ASolicitationWithoutAnAddressIsAnsweredToAllNodes) {
  const auto replies = answers(solicitation("fd00::2", "::"));
  ASSERT_EQ(replies.size(), 1U);
  const auto bytes = replies[0]->bytes();
  EXPECT_EQ(read_header<EthernetHeader>(bytes)->destination, (MacAddress{{0x33, 0x33, 0, 0, 0, 1}}));
  EXPECT_EQ(read_header<IcmpHeader>(bytes.subspan(54))->rest[0].host(), 0x2000);  // override only
}

TEST_F(EndHostTest, SolicitationsFromBeyondTheLinkAreNotBelieved) {
  EXPECT_TRUE(answers(solicitation("fd00::2", "fd00::1", 254)).empty());
  EXPECT_TRUE(answers(solicitation("fd00::3", "fd00::1")).empty());
  EXPECT_EQ(host_.counters().malformed, 1U);
}

TEST_F(EndHostTest, AnswersEchoRequestsWithTheSameData) {
  introduce();
  const auto v4 = answers(to_host()
                              .ip("10.0.0.1", "10.0.0.2")
                              .icmp({.type = kIcmpEchoRequest, .rest = {Be16(7), Be16(8)}})
                              .payload("hello")
                              .build(pool_));
  ASSERT_EQ(v4.size(), 1U);
  EXPECT_EQ(read_header<IcmpHeader>(v4[0]->bytes().subspan(34))->type, kIcmpEchoReply);
  EXPECT_EQ(read_header<IcmpHeader>(v4[0]->bytes().subspan(34))->rest, (std::array{Be16(7), Be16(8)}));
  EXPECT_EQ(v4[0]->bytes().back(), 'o');
  EXPECT_EQ(verify_transport_checksum(v4[0]->bytes(), layout_of(*v4[0])), ChecksumVerdict::kCorrect);
  const auto v6 = answers(
      to_host().ip("fd00::1", "fd00::2").icmpv6({.type = kIcmpv6EchoRequest}).payload("hello").build(pool_));
  ASSERT_EQ(v6.size(), 1U);
  EXPECT_EQ(read_header<IcmpHeader>(v6[0]->bytes().subspan(54))->type, kIcmpv6EchoReply);
  EXPECT_EQ(verify_transport_checksum(v6[0]->bytes(), layout_of(*v6[0])), ChecksumVerdict::kCorrect);
}

TEST_F(EndHostTest, EchoesUdpBelowTheEphemeralPortsOnly) {
  introduce();
  const auto replies =
      answers(to_host().ip("10.0.0.1", "10.0.0.2").udp(40000, 7).payload("abc").build(pool_));
  ASSERT_EQ(replies.size(), 1U);
  const auto udp = *read_header<UdpHeader>(replies[0]->bytes().subspan(34));
  EXPECT_EQ(udp.source.host(), 7);
  EXPECT_EQ(udp.destination.host(), 40000);
  EXPECT_EQ(replies[0]->meta.csum.state, ChecksumState::kPartial);
  ASSERT_TRUE(complete_checksum(*replies[0]));
  EXPECT_EQ(verify_transport_checksum(replies[0]->bytes(), layout_of(*replies[0])),
            ChecksumVerdict::kCorrect);
  EXPECT_TRUE(
      answers(to_host().ip("10.0.0.1", "10.0.0.2").udp(7, 40000).payload("abc").build(pool_)).empty());
  EXPECT_TRUE(host_.take(kIpUdp));
  EXPECT_FALSE(host_.take(kIpUdp));
}

TEST_F(EndHostTest, AWrongChecksumIsNotAnsweredAPartialOneIs) {
  introduce();
  const auto udp = [&] { return to_host().ip("10.0.0.1", "10.0.0.2").udp(40000, 7).payload("abc"); };
  EXPECT_TRUE(answers(udp().wrong_checksum().build(pool_)).empty());
  EXPECT_EQ(host_.counters().bad_checksum, 1U);
  EXPECT_EQ(answers(udp().partial_checksum().build(pool_)).size(), 1U);
  EXPECT_EQ(answers(udp().no_checksum().build(pool_)).size(), 1U);  // allowed in IPv4
  EXPECT_TRUE(
      answers(to_host().ip("fd00::1", "fd00::2").udp(40000, 7).payload("abc").no_checksum().build(pool_))
          .empty());
}

TEST_F(EndHostTest, AUdpSuperPacketIsAnsweredByEachOfItsDatagrams) {
  introduce();
  const auto replies =
      answers(to_host().ip("10.0.0.1", "10.0.0.2").udp(40000, 7).pattern(2500).gso(1000).build(pool_));
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies[0]->len(), 1042U);
  EXPECT_EQ(replies[2]->len(), 542U);
}

TEST_F(EndHostTest, AReplyLongerThanTheMtuIsMadeOfFragments) {
  introduce();
  for (const char* const from : {"10.0.0.1", "fd00::1"}) {
    const bool v4 = parse_ip(from)->is_v4();
    const auto replies =
        answers(to_host().ip(from, v4 ? "10.0.0.2" : "fd00::2").udp(40000, 7).pattern(4000).build(pool_));
    ASSERT_EQ(replies.size(), 3U);
    for (const PacketPtr& reply : replies) {
      EXPECT_LE(reply->len(), 1514U);
      EXPECT_TRUE(layout_of(*reply).fragment);
      EXPECT_EQ(reply->meta.csum.state, ChecksumState::kNone);
    }
  }
}

TEST_F(EndHostTest, ReassemblesWhatItGets) {
  introduce();
  // The host's own fragments come back to it as a request.
  ASSERT_TRUE(host_.send(*parse_ip("10.0.0.1"), kIpIcmp, [] {
    std::vector<std::uint8_t> echo(3000);
    echo[0] = kIcmpEchoRequest;
    return echo;
  }()));
  auto fragments = sent();
  ASSERT_EQ(fragments.size(), 3U);
  std::size_t replies = 0;
  for (PacketPtr& fragment : fragments) {
    // Towards the host: addresses exchanged, which leaves all checksums right.
    std::uint8_t* data = fragment->data();
    std::swap_ranges(data, data + 6, data + 6);
    std::swap_ranges(data + 26, data + 30, data + 30);
    replies += answers(std::move(fragment)).size();
  }
  EXPECT_EQ(replies, 3U);
  EXPECT_EQ(host_.counters().reassembled, 1U);
}

TEST_F(EndHostTest, WhatIsNotForItIsCounted) {
  EXPECT_TRUE(
      answers(PacketBuilder().ethernet(kMacA, kMacA).ip("10.0.0.1", "10.0.0.2").udp(40000, 7).build(pool_))
          .empty());
  EXPECT_TRUE(answers(to_host().ip("10.0.0.1", "10.0.0.3").udp(40000, 7).build(pool_)).empty());
  EXPECT_TRUE(answers(to_host().vlan_tag(5).ip("10.0.0.1", "10.0.0.2").udp(40000, 7).build(pool_)).empty());
  EXPECT_TRUE(answers(PacketBuilder().ethernet(kMacA, kMacB, Be16(0x88b5)).pattern(50).build(pool_)).empty());
  EXPECT_EQ(host_.counters().not_for_us, 4U);
  EXPECT_EQ(host_.counters().received, 4U);
}

TEST_F(EndHostTest, DamagedPacketsAreCountedAndHarmless) {
  const PacketPtr good4 = to_host().ip("10.0.0.1", "10.0.0.2").udp(40000, 7).payload("abc").build(pool_);
  const PacketPtr good6 = to_host().ip("fd00::1", "fd00::2").udp(40000, 7).payload("abc").build(pool_);
  std::uint64_t cuts = 0;
  for (const Packet* good : {good4.get(), good6.get()}) {
    for (std::uint32_t length = 0; length < good->len(); ++length, ++cuts) {
      PacketPtr cut = pool_.copy(*good);
      cut->trim(length);
      EXPECT_TRUE(answers(std::move(cut)).empty()) << length;
    }
  }
  EXPECT_EQ(host_.counters().malformed, cuts);
}

TEST_F(EndHostTest, ADatagramWaitsForItsNeighbour) {
  ASSERT_TRUE(host_.send(*parse_ip("10.0.0.1"), kIpUdp, std::vector<std::uint8_t>(20)));
  const auto asked = sent();
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0]->meta.protocol, kProtoArp);
  ArpHeader reply = arp_request();
  reply.operation = kArpReply;
  const auto went = answers(to_host().arp(reply).build(pool_));
  ASSERT_EQ(went.size(), 1U);
  EXPECT_EQ(went[0]->meta.protocol, kProtoIpv4);
  EXPECT_EQ(read_header<EthernetHeader>(went[0]->bytes())->destination, kMacA);
}

TEST_F(EndHostTest, RefusesWhatItCannotSend) {
  EXPECT_FALSE(host_.send(*parse_ip("10.0.0.1"), kIpUdp, std::vector<std::uint8_t>(65516)));
  EXPECT_TRUE(host_.send(*parse_ip("10.0.0.1"), kIpUdp, std::vector<std::uint8_t>(65515)));
}

class L3EndHostTest : public EndHostTest {
 protected:
  L3EndHostTest() : EndHostTest(MacAddress{}) {}
};

TEST_F(L3EndHostTest, HasNoArpAndFramesWithZeroAddresses) {
  EXPECT_TRUE(host_.is_l3());
  EXPECT_TRUE(answers(to_host().arp(arp_request()).build(pool_)).empty());
  EXPECT_TRUE(answers(solicitation("fd00::2", "fd00::1")).empty());
  const auto replies = answers(
      PacketBuilder().ethernet({}, {}).ip("10.9.0.1", "10.0.0.2").udp(40000, 7).payload("abc").build(pool_));
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_TRUE(read_header<EthernetHeader>(replies[0]->bytes())->destination.is_zero());
  EXPECT_TRUE(read_header<EthernetHeader>(replies[0]->bytes())->source.is_zero());
  EXPECT_EQ(replies[0]->meta.protocol, kProtoIpv4);
  EXPECT_EQ(replies[0]->meta.pkt_type, PacketType::kHost);
}

}  // namespace
}  // namespace netkit
