#include "host/vlan_bytes.h"

#include <gtest/gtest.h>

#include "packet/builder.h"

namespace netkit::host {
namespace {

const MacAddress kA{{2, 0, 0, 0, 0, 0xa}};
const MacAddress kB{{2, 0, 0, 0, 0, 0xb}};

std::vector<std::uint8_t> copy_of(const Packet& packet) {
  return {packet.bytes().begin(), packet.bytes().end()};
}

PacketBuilder tagged_in_bytes() {
  return PacketBuilder()
      .ethernet(kA, kB)
      .vlan(0x2007)
      .ip("10.0.0.1", "10.0.0.2")
      .udp(1, 2)
      .partial_checksum();
}
PacketBuilder tagged_beside() {
  return PacketBuilder()
      .ethernet(kA, kB)
      .vlan_tag(0x2007)
      .ip("10.0.0.1", "10.0.0.2")
      .udp(1, 2)
      .partial_checksum();
}

TEST(VlanBytes, the_tag_comes_out) {
  PacketPool pool;
  const PacketPtr packet = tagged_in_bytes().build(pool);
  const std::uint32_t checksum_from_end =
      packet->at(static_cast<std::int32_t>(packet->len())) - packet->meta.csum.start;
  take_vlan_tag_out(*packet);
  EXPECT_TRUE(packet->meta.vlan.present);
  EXPECT_EQ(packet->meta.vlan.tci, 0x2007);
  EXPECT_EQ(packet->meta.vlan.proto, kProtoVlan);
  EXPECT_EQ(copy_of(*packet), copy_of(*tagged_beside().build(pool)));
  EXPECT_EQ(packet->at(static_cast<std::int32_t>(packet->len())) - packet->meta.csum.start,
            checksum_from_end);
}

TEST(VlanBytes, the_tag_goes_in) {
  PacketPool pool;
  const PacketPtr packet = tagged_beside().build(pool);
  ASSERT_TRUE(put_vlan_tag_in(*packet));
  EXPECT_FALSE(packet->meta.vlan.present);
  EXPECT_EQ(copy_of(*packet), copy_of(*tagged_in_bytes().build(pool)));
}

TEST(VlanBytes, the_tag_goes_in_without_headroom) {
  PacketPool pool;
  const PacketPtr packet = tagged_beside().build(pool, 0);
  ASSERT_TRUE(put_vlan_tag_in(*packet));
  EXPECT_EQ(copy_of(*packet), copy_of(*tagged_in_bytes().build(pool)));
}

TEST(VlanBytes, only_the_outer_tag_comes_out) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder()
                               .ethernet(kA, kB)
                               .vlan(5, kProtoQinq)
                               .vlan(6)
                               .ip("10.0.0.1", "10.0.0.2")
                               .udp(1, 2)
                               .build(pool);
  take_vlan_tag_out(*packet);
  EXPECT_EQ(packet->meta.vlan.proto, kProtoQinq);
  EXPECT_EQ(packet->meta.vlan.tci, 5);
  EXPECT_EQ(read_header<EthernetHeader>(packet->bytes())->proto, kProtoVlan);
}

TEST(VlanBytes, a_frame_without_a_tag_or_cut_off_in_it_stays) {
  PacketPool pool;
  const PacketPtr plain = PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  const PacketPtr cut = PacketBuilder().ethernet(kA, kB, kProtoVlan).build(pool);
  for (Packet* packet : {plain.get(), cut.get()}) {
    const std::vector<std::uint8_t> before = copy_of(*packet);
    take_vlan_tag_out(*packet);
    EXPECT_FALSE(packet->meta.vlan.present);
    EXPECT_EQ(copy_of(*packet), before);
  }
}

}  // namespace
}  // namespace netkit::host
