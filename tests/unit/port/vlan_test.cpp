#include "port/vlan.h"

#include <gtest/gtest.h>

#include "packet/builder.h"

namespace netkit {
namespace {

constexpr MacAddress kA{{2, 0, 0, 0, 0, 1}}, kB{{2, 0, 0, 0, 0, 2}};

TEST(TakeVlanTag, MovesTheOutermostTagBesideTheBytes) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder()
                               .ethernet(kA, kB)
                               .vlan(5, kProtoQinq)
                               .vlan(7)
                               .ip("10.0.0.1", "10.0.0.2")
                               .udp(1, 2)
                               .build(pool);
  const PacketPtr expected =
      PacketBuilder().ethernet(kA, kB).vlan(7).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  ASSERT_TRUE(take_vlan_tag(*packet));
  EXPECT_TRUE(packet->meta.vlan.present);
  EXPECT_EQ(packet->meta.vlan.proto, kProtoQinq);
  EXPECT_EQ(packet->meta.vlan.tci, 5);
  EXPECT_TRUE(std::ranges::equal(packet->bytes(), expected->bytes()));
  // The second one stays where it is.
  ASSERT_TRUE(take_vlan_tag(*packet));
  EXPECT_EQ(packet->len(), expected->len());
}

TEST(TakeVlanTag, LeavesOtherFramesAlone) {
  PacketPool pool;
  const PacketPtr packet = PacketBuilder().ethernet(kA, kB).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  const std::uint32_t length = packet->len();
  ASSERT_TRUE(take_vlan_tag(*packet));
  EXPECT_FALSE(packet->meta.vlan.present);
  EXPECT_EQ(packet->len(), length);
}

TEST(TakeVlanTag, RefusesATagThatIsCutOff) {
  PacketPool pool;
  const PacketPtr packet =
      PacketBuilder().ethernet(kA, kB).vlan(5).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
  packet->trim(16);
  EXPECT_FALSE(take_vlan_tag(*packet));
}

PacketBuilder tagged(PacketBuilder builder) {
  return builder.ip("10.0.0.1", "10.0.0.2").udp(1, 2).partial_checksum();
}

TEST(PutVlanTag, WritesTheTagIntoTheBytesAndKeepsTheChecksumsPlace) {
  PacketPool pool;
  for (const std::uint32_t headroom : {kMinHeadroom, 0U}) {
    const PacketPtr packet =
        tagged(PacketBuilder().ethernet(kA, kB).vlan_tag(0x2007, kProtoQinq)).build(pool, headroom);
    const PacketPtr expected = tagged(PacketBuilder().ethernet(kA, kB).vlan(0x2007, kProtoQinq)).build(pool);
    ASSERT_TRUE(put_vlan_tag(*packet));
    EXPECT_FALSE(packet->meta.vlan.present);
    EXPECT_TRUE(std::ranges::equal(packet->bytes(), expected->bytes()));
    EXPECT_EQ(packet->offset_of(packet->meta.csum.start), expected->offset_of(expected->meta.csum.start));
  }
}

TEST(PutVlanTag, IsUndoneByTakingIt) {
  PacketPool pool;
  const PacketPtr packet = tagged(PacketBuilder().ethernet(kA, kB).vlan_tag(7)).build(pool);
  const PacketPtr before = pool.copy(*packet);
  ASSERT_TRUE(put_vlan_tag(*packet));
  ASSERT_TRUE(take_vlan_tag(*packet));
  EXPECT_EQ(packet->meta.vlan.tci, 7);
  EXPECT_TRUE(std::ranges::equal(packet->bytes(), before->bytes()));
}

TEST(PutVlanTag, LeavesPacketsWithoutATagAlone) {
  PacketPool pool;
  const PacketPtr packet = tagged(PacketBuilder().ethernet(kA, kB)).build(pool);
  const std::uint32_t length = packet->len();
  ASSERT_TRUE(put_vlan_tag(*packet));
  EXPECT_EQ(packet->len(), length);
}

}  // namespace
}  // namespace netkit
