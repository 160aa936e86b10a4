#include "packet/flow_hash.h"

#include <gtest/gtest.h>

#include <set>

#include "packet/builder.h"

namespace netkit {
namespace {

class FlowHash : public ::testing::Test {
 protected:
  std::uint32_t udp(const char* from, std::uint16_t from_port, const char* to, std::uint16_t to_port) {
    return get_flow_hash(*PacketBuilder().ip(from, to).udp(from_port, to_port).build(pool_));
  }
  PacketPool pool_;
};

TEST_F(FlowHash, IsTheSameInBothDirectionsAndNeverZero) {
  EXPECT_EQ(udp("10.0.0.1", 1, "10.0.0.2", 2), udp("10.0.0.2", 2, "10.0.0.1", 1));
  EXPECT_EQ(udp("fd00::1", 7, "fd00::2", 5), udp("fd00::2", 5, "fd00::1", 7));
  EXPECT_NE(udp("0.0.0.0", 0, "0.0.0.0", 0), 0U);
}

TEST_F(FlowHash, TellsFlowsApart) {
  std::set<std::uint32_t> seen;
  for (std::uint16_t from = 0; from < 40; ++from) {
    for (std::uint16_t to = 100; to < 140; ++to) {
      seen.insert(udp("10.0.0.1", from, "10.0.0.2", to));
      seen.insert(udp("fd00::1", from, "fd00::2", to));
    }
  }
  EXPECT_EQ(seen.size(), 3200U);
  EXPECT_NE(udp("10.0.0.1", 1, "10.0.0.2", 2), udp("10.0.0.1", 2, "10.0.0.2", 1));
}

TEST_F(FlowHash, IsNotedInThePacketAndKept) {
  const PacketPtr packet = PacketBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool_);
  const std::uint32_t hash = get_flow_hash(*packet);
  EXPECT_EQ(packet->meta.hash, hash);
  EXPECT_TRUE(packet->meta.l4_hash);
  EXPECT_TRUE(packet->meta.sw_hash);
  packet->data()[12] = 99;
  EXPECT_EQ(get_flow_hash(*packet), hash);
}

TEST_F(FlowHash, OfFragmentsLeavesThePortsOut) {
  const auto fragment = [&](std::uint16_t flags_offset, std::uint16_t port) {
    return get_flow_hash(
        *PacketBuilder().ipv4({.flags_offset = Be16{flags_offset}}).udp(port, 5).build(pool_));
  };
  EXPECT_EQ(fragment(0x2000, 1), fragment(0x0001, 2));
  EXPECT_NE(fragment(0, 1), fragment(0, 2));
}

TEST_F(FlowHash, OfWhatIsNotIpIsNoTransportHash) {
  const PacketPtr packet = PacketBuilder().ethernet({}, kBroadcastMac).arp({}).build(pool_);
  EXPECT_NE(get_flow_hash(*packet), 0U);
  EXPECT_FALSE(packet->meta.l4_hash);
}

}  // namespace
}  // namespace netkit
