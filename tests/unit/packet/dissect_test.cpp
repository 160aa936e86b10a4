#include "packet/dissect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "packet/builder.h"

namespace netkit {
namespace {

using ::testing::ElementsAreArray;

constexpr MacAddress kOwn{{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kOther{{2, 0, 0, 0, 0, 2}};

TEST(Headers, ReadAndWriteAreInverse) {
  std::array<std::uint8_t, 60> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 1);
  const auto round_trip = [&]<class H>(H) {
    std::array<std::uint8_t, H::kSize> written{};
    write_header(written.data(), load_unaligned<H>(bytes.data()));
    EXPECT_THAT(written, ElementsAreArray(std::span(bytes).first(H::kSize)));
  };
  round_trip(EthernetHeader{});
  round_trip(VlanHeader{});
  round_trip(ArpHeader{});
  round_trip(Ipv4Header{});
  round_trip(Ipv6Header{});
  round_trip(Ipv6FragmentHeader{});
  round_trip(TcpHeader{});
  round_trip(UdpHeader{});
  round_trip(IcmpHeader{});
}

TEST(Headers, CutOffOrContradictoryOnesAreNotRead) {
  auto ip = PacketBuilder().ip("10.0.0.1", "10.0.0.2").tcp(1, 2).bytes();
  EXPECT_TRUE(read_header<Ipv4Header>(ip));
  EXPECT_FALSE(read_header<Ipv4Header>(std::span(ip).first(19)));
  ip[0] = 0x44;
  EXPECT_FALSE(read_header<Ipv4Header>(ip)) << "a header of 16 bytes";
  ip[0] = 0x65;
  EXPECT_FALSE(read_header<Ipv4Header>(ip)) << "version 6";
  ip[0] = 0x4f;
  EXPECT_FALSE(read_header<Ipv4Header>(std::span(ip).first(40))) << "options behind the end";
  EXPECT_FALSE(read_header<TcpHeader>(PacketBuilder().tcp({.offset_reserved = 0x40}).bytes()));
  EXPECT_FALSE(read_header<TcpHeader>(PacketBuilder().tcp({.offset_reserved = 0x60}).bytes()));
  EXPECT_FALSE(read_header<ArpHeader>(PacketBuilder().arp({.hardware = Be16{6}}).bytes()));
}

TEST(Frame, IsClassifiedByEtherTypeAndDestination) {
  const auto classify = [](const MacAddress& destination, std::uint16_t proto, std::string_view payload) {
    return classify_frame(PacketBuilder().ethernet(kOther, destination, Be16{proto}).payload(payload).bytes(),
                          kOwn);
  };
  using enum PacketType;
  EXPECT_EQ(classify(kOwn, 0x0800, ""), (FrameClass{kProtoIpv4, kHost}));
  EXPECT_EQ(classify(kOther, 0x86dd, ""), (FrameClass{kProtoIpv6, kOtherhost}));
  EXPECT_EQ(classify(kBroadcastMac, 0x0806, ""), (FrameClass{kProtoArp, kBroadcast}));
  EXPECT_EQ(classify({{1, 0, 0x5e, 0, 0, 1}}, 0x0600, ""), (FrameClass{Be16{0x0600}, kMulticast}));
  EXPECT_EQ(classify(kOwn, 0x05ff, "\xff\xff"), (FrameClass{kProto8023, kHost}));
  EXPECT_EQ(classify(kOwn, 38, "\x42\x42\x03"), (FrameClass{kProto8022, kHost}));
  EXPECT_EQ(classify(kOwn, 1, "\xff"), (FrameClass{kProto8022, kHost})) << "nothing to look at";
  EXPECT_EQ(classify_frame(std::array<std::uint8_t, 13>{}, kOwn), std::nullopt);
}

TEST(Frame, OfADeviceWithTheBroadcastAddressIsItsOwn) {
  const auto frame = PacketBuilder().ethernet(kOther, kBroadcastMac, kProtoArp).bytes();
  EXPECT_EQ(classify_frame(frame, kBroadcastMac)->type, PacketType::kHost);
}

TEST(Ipv6Extensions, AreWalkedToTheUpperHeader) {
  const std::array<std::uint8_t, 20> routing{};
  const auto packet = PacketBuilder()
                          .ip("fd00::1", "fd00::2")
                          .extension(kIpHopByHop)
                          .extension(kIpRouting, routing)
                          .extension(kIpDestination)
                          .extension(kIpAh, routing)
                          .fragment({.offset_more = Be16{1}, .id = Be32{9}})
                          .udp(1, 2)
                          .bytes();
  const auto upper = walk_ipv6_extensions(packet);
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->protocol, kIpUdp);
  EXPECT_EQ(upper->fragment, 40U + 8 + 24 + 8 + 24);
  EXPECT_EQ(upper->offset, 40U + 8 + 24 + 8 + 24 + 8);
  EXPECT_EQ(packet.size(), upper->offset + 8);
  for (std::size_t length = 0; length < upper->offset; ++length) {
    EXPECT_FALSE(walk_ipv6_extensions(std::span(packet).first(length))) << length;
  }
}

TEST(Ipv6Extensions, EndBehindTheHeaderOfALaterFragment) {
  const auto packet = PacketBuilder()
                          .ip("fd00::1", "fd00::2")
                          .fragment({.next_header = kIpDestination, .offset_more = Be16{8}})
                          .payload("not a header")
                          .bytes();
  const auto upper = walk_ipv6_extensions(packet);
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->protocol, kIpDestination);
  EXPECT_EQ(upper->offset, 48U);
}

TEST(Ipv6Extensions, OfAnEndlessRowStopAtTheEndOfThePacket) {
  PacketBuilder builder;
  builder.ip("fd00::1", "fd00::2");
  for (int i = 0; i < 5000; ++i) builder.extension(kIpDestination);
  const auto upper = walk_ipv6_extensions(builder.bytes());
  ASSERT_TRUE(upper);
  EXPECT_EQ(upper->protocol, kIpNoNext);
}

TEST(Dissect, FindsTransportHeadersBehindTagsAndOptions) {
  PacketPool pool;
  const std::array<std::uint8_t, 3> options = {1, 1, 1};
  const PacketPtr packet = PacketBuilder()
                               .ethernet(kOther, kOwn)
                               .vlan(5, kProtoQinq)
                               .vlan(6)
                               .ipv4({}, options)
                               .tcp(TcpHeader{}, options)
                               .payload("x")
                               .build(pool);
  const auto layout = dissect(*packet);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->network, 22U);
  EXPECT_EQ(layout->transport, 46U);
  EXPECT_EQ(layout->headers(packet->bytes()), 70U);
  EXPECT_EQ(layout->protocol, kIpTcp);
  packet->trim(69);
  EXPECT_EQ(layout->headers(packet->bytes()), std::nullopt);
}

TEST(Dissect, KnowsFragments) {
  const auto of = [](std::uint16_t flags_offset) {
    return dissect(PacketBuilder().ipv4({.flags_offset = Be16{flags_offset}}).udp(1, 2).bytes(), kProtoIpv4,
                   0)
        .value();
  };
  EXPECT_FALSE(of(0x4000).fragment);
  EXPECT_TRUE(of(0x2000).fragment);
  EXPECT_FALSE(of(0x2000).later_fragment);
  EXPECT_TRUE(of(0x2001).later_fragment);
  EXPECT_TRUE(of(0x0001).later_fragment);
  EXPECT_EQ(of(0x0001).headers(std::array<std::uint8_t, 100>{}), std::nullopt);
}

TEST(Dissect, LeavesWhatIsNotIpAlone) {
  EXPECT_FALSE(dissect(PacketBuilder().arp({}).bytes(), kProtoArp, 0));
  EXPECT_FALSE(dissect({}, kProtoIpv4, 0));
  EXPECT_FALSE(dissect({}, kProtoIpv6, 100));
  EXPECT_FALSE(dissect(std::array<std::uint8_t, 3>{}, kProtoVlan, 0));
}

TEST(ParseHeaders, SetsWhatTheKernelSetsOnInput) {
  PacketPool pool;
  const PacketPtr packet =
      PacketBuilder().ethernet(kOther, kOwn).vlan(5).ip("fd00::1", "fd00::2").udp(1, 2).build(pool);
  packet->reset_meta();
  ASSERT_TRUE(parse_headers(*packet, kOwn));
  EXPECT_EQ(packet->meta.protocol, kProtoVlan);
  EXPECT_EQ(packet->meta.pkt_type, PacketType::kHost);
  EXPECT_EQ(packet->meta.mac_len, 14);
  EXPECT_EQ(packet->offset_of(packet->meta.mac_header), 0);
  EXPECT_EQ(packet->offset_of(packet->meta.network_header), 18);
  EXPECT_EQ(packet->offset_of(packet->meta.transport_header), 58);
}

TEST(ParseHeaders, LeavesTheTransportHeaderUnknownWhereThereIsNone) {
  PacketPool pool;
  const PacketPtr arp = PacketBuilder().ethernet(kOther, kBroadcastMac).arp({}).build(pool);
  ASSERT_TRUE(parse_headers(*arp, kOwn));
  EXPECT_EQ(arp->meta.transport_header, kUnset);
  EXPECT_EQ(arp->offset_of(arp->meta.network_header), 14);
  EXPECT_FALSE(parse_headers(*pool.allocate(13), kOwn));
}

}  // namespace
}  // namespace netkit
