#include <cerrno>

#include "fixture.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

using Vlan = HelperTest;

const std::uint16_t k8021q = kProtoVlan.raw();
const std::uint16_t k8021ad = kProtoQinq.raw();

TEST_F(Vlan, FirstTagIsKeptBesideTheBytes) {
  use_udp();
  const auto before = bytes();
  EXPECT_EQ(call_skb("skb_vlan_push", k8021ad, 0x2123), 0);
  EXPECT_EQ(bytes(), before);
  EXPECT_TRUE(packet().meta.vlan.present);
  EXPECT_EQ(packet().meta.vlan.proto, kProtoQinq);
  EXPECT_EQ(packet().meta.vlan.tci, 0x2123);
  EXPECT_EQ(packet().meta.protocol, kProtoIpv4);
}

TEST_F(Vlan, SecondTagMovesTheFirstIntoTheBytes) {
  use_udp();
  auto expected = bytes();
  const std::uint8_t tag[] = {0x88, 0xa8, 0x21, 0x23};
  expected.insert(expected.begin() + 12, std::begin(tag), std::end(tag));
  EXPECT_EQ(call_skb("skb_vlan_push", k8021ad, 0x2123), 0);
  EXPECT_EQ(call_skb("skb_vlan_push", k8021q, 7), 0);
  EXPECT_EQ(bytes(), expected);
  EXPECT_EQ(packet().meta.vlan.tci, 7);
  EXPECT_EQ(packet().meta.vlan.proto, kProtoVlan);
  EXPECT_EQ(packet().meta.protocol, kProtoQinq);
  EXPECT_EQ(packet().offset_of(packet().meta.mac_header), 0);
  EXPECT_EQ(packet().offset_of(packet().meta.network_header), 14);
  EXPECT_EQ(packet().meta.mac_len, 14);
  EXPECT_TRUE(region_is_current());
}

TEST_F(Vlan, AProtocolThatIsNoVlansIsTakenFor8100) {
  use_udp();
  EXPECT_EQ(call_skb("skb_vlan_push", 0x0008, 7), 0);
  EXPECT_EQ(packet().meta.vlan.proto, kProtoVlan);
}

TEST_F(Vlan, PopTakesTheTagBesideTheBytesAndMovesTheNextOut) {
  use_udp();
  const auto before = bytes();
  ASSERT_EQ(call_skb("skb_vlan_push", k8021ad, 0x2123), 0);
  ASSERT_EQ(call_skb("skb_vlan_push", k8021q, 7), 0);
  EXPECT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(bytes(), before);
  EXPECT_EQ(packet().meta.vlan.tci, 0x2123);
  EXPECT_EQ(packet().meta.vlan.proto, kProtoQinq);
  EXPECT_EQ(packet().meta.protocol, kProtoIpv4);
  EXPECT_TRUE(region_is_current());
  EXPECT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_FALSE(packet().meta.vlan.present);
  EXPECT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(bytes(), before);
}

TEST_F(Vlan, PopStripsATagInTheBytesByTheProtocolField) {
  use(PacketBuilder().ethernet({{1}}, {{2}}).vlan(5).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool));
  const auto untagged = PacketBuilder().ethernet({{1}}, {{2}}).ip("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
  packet().meta.protocol = kProtoIpv4;
  EXPECT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(packet().len(), untagged.size() + 4);
  packet().meta.protocol = kProtoVlan;
  EXPECT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(bytes(), untagged);
  EXPECT_EQ(packet().meta.protocol, kProtoIpv4);
  EXPECT_FALSE(packet().meta.vlan.present);
}

TEST_F(Vlan, PopOfAFrameTooShortForItsTagIsNoMemory) {
  use(PacketBuilder().ethernet({{1}}, {{2}}, kProtoVlan).payload("ab").build(pool));
  packet().meta.protocol = kProtoVlan;
  EXPECT_EQ(call_skb("skb_vlan_pop"), -ENOMEM);
  EXPECT_EQ(packet().len(), 16U);
}

TEST_F(Vlan, ALengthBehindTheTagGivesThe802Protocols) {
  for (const auto& [payload, proto] :
       {std::pair{std::string_view("\xff\xff..", 4), kProto8023}, {"\xaa\xaa..", kProto8022}}) {
    use(PacketBuilder().ethernet({{1}}, {{2}}).vlan(5).payload(payload).build(pool));
    packet().data()[16] = 0;
    packet().data()[17] = 4;
    packet().meta.protocol = kProtoVlan;
    ASSERT_EQ(call_skb("skb_vlan_pop"), 0);
    EXPECT_EQ(packet().meta.protocol, proto);
  }
}

TEST_F(Vlan, NeedsDataAtTheMacHeader) {
  use_udp().meta.vlan = {.present = true, .proto = kProtoVlan, .tci = 1};
  packet().pull(14);
  EXPECT_EQ(call_skb("skb_vlan_push", k8021q, 2), -EINVAL);
  packet().meta.vlan = {};
  packet().meta.protocol = kProtoVlan;
  EXPECT_EQ(call_skb("skb_vlan_pop"), -EINVAL);
}

TEST_F(Vlan, ACompleteSumFollowsAtAReceiveHook) {
  use_udp();
  packet().meta.mac_len = 14;
  packet().meta.at_ingress = true;
  packet().meta.csum = {.state = ChecksumState::kComplete, .sum = sum_of(packet().bytes().subspan(14))};
  for (int i = 0; i < 2; ++i) ASSERT_EQ(call_skb("skb_vlan_push", k8021q, 7), 0);
  EXPECT_EQ(fold(packet().meta.csum.sum), fold(sum_of(packet().bytes().subspan(14))));
  ASSERT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(fold(packet().meta.csum.sum), fold(sum_of(packet().bytes().subspan(14))));
}

TEST_F(Vlan, TheMetadataAreaStaysInFrontOfData) {
  use_udp().meta.meta_len = 4;
  std::memcpy(packet().data() - 4, "meta", 4);
  const auto in_front = [&] {
    return std::string_view(reinterpret_cast<const char*>(packet().data()) - 4, 4);
  };
  for (int i = 0; i < 2; ++i) ASSERT_EQ(call_skb("skb_vlan_push", k8021q, 7), 0);
  EXPECT_EQ(in_front(), "meta");
  ASSERT_EQ(call_skb("skb_vlan_pop"), 0);
  EXPECT_EQ(in_front(), "meta");
}

}  // namespace
}  // namespace netkit::bpf
