#include "host/vnet_header.h"

#include <gtest/gtest.h>

#include "packet/builder.h"

namespace netkit::host {
namespace {

const MacAddress kA{{2, 0, 0, 0, 0, 0xa}};
const MacAddress kB{{2, 0, 0, 0, 0, 0xb}};

class VnetHeaderTest : public testing::Test {
 protected:
  PacketPool pool;
  PacketPtr super(const char* from, const char* to, bool tcp) {
    PacketBuilder builder;
    builder.ethernet(kA, kB).ip(from, to);
    tcp ? builder.tcp(1000, 2000) : builder.udp(1000, 2000);
    return builder.pattern(5000).gso(1000).build(pool);
  }
};

TEST_F(VnetHeaderTest, AnOrdinaryPacketHasAnEmptyHeader) {
  const PacketPtr packet = PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  EXPECT_EQ(make_vnet_header(*packet), VnetHeader{});
}

TEST_F(VnetHeaderTest, SaysWhereAPartialChecksumIs) {
  const PacketPtr packet =
      PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).partial_checksum().build(pool);
  const VnetHeader expected{.flags = VnetHeader::kNeedsCsum, .csum_start = 34, .csum_offset = 6};
  EXPECT_EQ(make_vnet_header(*packet), expected);
}

TEST_F(VnetHeaderTest, SaysEachKindOfSuperPacket) {
  const VnetHeader tcp4{VnetHeader::kNeedsCsum, VnetHeader::kGsoTcp4, 54, 1000, 34, 16};
  const VnetHeader tcp6{VnetHeader::kNeedsCsum, VnetHeader::kGsoTcp6, 74, 1000, 54, 16};
  const VnetHeader udp4{VnetHeader::kNeedsCsum, VnetHeader::kGsoUdpL4, 42, 1000, 34, 6};
  const VnetHeader udp6{VnetHeader::kNeedsCsum, VnetHeader::kGsoUdpL4, 62, 1000, 54, 6};
  EXPECT_EQ(make_vnet_header(*super("10.0.0.1", "10.0.0.2", true)), tcp4);
  EXPECT_EQ(make_vnet_header(*super("fd00::1", "fd00::2", true)), tcp6);
  EXPECT_EQ(make_vnet_header(*super("10.0.0.1", "10.0.0.2", false)), udp4);
  EXPECT_EQ(make_vnet_header(*super("fd00::1", "fd00::2", false)), udp6);
}

TEST_F(VnetHeaderTest, EcnGoesBothWaysAndDodgyStaysHere) {
  PacketPtr packet = super("10.0.0.1", "10.0.0.2", true);
  packet->meta.gso.type |= kGsoTcpEcn | kGsoDodgy | kGsoTcpFixedId;
  const auto header = make_vnet_header(*packet);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->gso_type, VnetHeader::kGsoTcp4 | VnetHeader::kGsoEcn);
  packet->meta.gso = {};
  ASSERT_TRUE(read_vnet_header(*header, *packet));
  EXPECT_EQ(packet->meta.gso.type, kGsoTcp4 | kGsoTcpEcn);
}

TEST_F(VnetHeaderTest, CannotSayATunnelOrASuperPacketWithoutPartialChecksum) {
  PacketPtr tunnel = super("10.0.0.1", "10.0.0.2", true);
  tunnel->meta.gso.type |= kGsoUdpTunnel;
  EXPECT_FALSE(make_vnet_header(*tunnel));
  PacketPtr complete = super("10.0.0.1", "10.0.0.2", true);
  complete->meta.csum = {};
  EXPECT_FALSE(make_vnet_header(*complete));
}

TEST_F(VnetHeaderTest, RefusesAChecksumOutsideThePacket) {
  PacketPtr packet =
      PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).partial_checksum().build(pool);
  packet->meta.csum.start = packet->at(-1);
  EXPECT_FALSE(make_vnet_header(*packet));
  packet->meta.csum.start = packet->at(static_cast<std::int32_t>(packet->len()) - 7);
  EXPECT_FALSE(make_vnet_header(*packet));
}

TEST_F(VnetHeaderTest, ReadsWhatItWrites) {
  const PacketPtr sent = super("fd00::1", "fd00::2", true);
  const auto header = make_vnet_header(*sent);
  ASSERT_TRUE(header);
  PacketPtr got = pool.copy(*sent);
  got->reset_meta();
  ASSERT_TRUE(read_vnet_header(*header, *got));
  EXPECT_EQ(got->meta.gso.type, sent->meta.gso.type);
  EXPECT_EQ(got->meta.gso.size, 1000);
  EXPECT_EQ(got->meta.csum.state, ChecksumState::kPartial);
  EXPECT_EQ(got->meta.csum.start, sent->meta.csum.start);
  EXPECT_EQ(got->meta.csum.offset, 16);
}

TEST_F(VnetHeaderTest, AVerifiedPacketReadsAsUnnecessary) {
  PacketPtr packet = PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  ASSERT_TRUE(read_vnet_header({.flags = VnetHeader::kDataValid}, *packet));
  EXPECT_EQ(packet->meta.csum.state, ChecksumState::kUnnecessary);
  EXPECT_EQ(make_vnet_header(*packet)->flags, VnetHeader::kDataValid);
}

TEST_F(VnetHeaderTest, RefusesAHeaderThatPointsOutsideOrMakesNoSense) {
  PacketPtr packet = PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  const auto length = static_cast<std::uint16_t>(packet->len());
  EXPECT_FALSE(read_vnet_header({.flags = 1, .csum_start = length, .csum_offset = 0}, *packet));
  EXPECT_FALSE(read_vnet_header({.flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff}, *packet));
  EXPECT_FALSE(read_vnet_header({.gso_type = VnetHeader::kGsoTcp4, .gso_size = 0}, *packet));
  EXPECT_FALSE(read_vnet_header({.gso_type = 3, .gso_size = 100}, *packet));
}

}  // namespace
}  // namespace netkit::host
