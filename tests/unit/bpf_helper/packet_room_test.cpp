// What the comparison with the running kernel (tests/differential) cannot show: metadata that no program
// sees, and the flags that Linux 7.3 has and 6.18 has not.
#include <cerrno>

#include "fixture.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

using PacketRoom = HelperTest;

constexpr std::uint32_t kNet = 0;
constexpr std::uint32_t kMac = 1;
constexpr std::uint64_t kFixedGso = 1;
constexpr std::uint64_t kEncapV4 = 2;
constexpr std::uint64_t kEncapV6 = 4;
constexpr std::uint64_t kEncapGre = 8;
constexpr std::uint64_t kEncapUdp = 16;
constexpr std::uint64_t kNoCsumReset = 32;
constexpr std::uint64_t kEncapEth = 64;
constexpr std::uint64_t kDecapV6 = 256;
constexpr std::uint64_t kDecapGre = 512;
constexpr std::uint64_t kDecapUdp = 1024;
constexpr std::uint64_t kDecapIpip = 2048;
constexpr std::uint64_t kDecapIp6 = 4096;
constexpr std::uint64_t kInner14 = std::uint64_t{14} << 56;

// ---- skb_adjust_room: headers ----

TEST_F(PacketRoom, HeadersStayWhereTheyAreInThePacket) {
  use_udp();
  ASSERT_EQ(call_skb("skb_adjust_room", 20, kMac, 0), 0);
  EXPECT_EQ(packet().offset_of(packet().meta.mac_header), 0);
  EXPECT_EQ(packet().offset_of(packet().meta.network_header), 14);
  EXPECT_EQ(packet().offset_of(packet().meta.transport_header), 54);
  EXPECT_TRUE(region_is_current());
  ASSERT_EQ(call_skb("skb_adjust_room", -20, kMac, 0), 0);
  EXPECT_EQ(packet().offset_of(packet().meta.transport_header), 34);
}

TEST_F(PacketRoom, ATransportHeaderThatWasNotToldFromTheNetworkHeaderGoesWithIt) {
  Packet& made = use_udp();
  made.meta.transport_header = made.meta.network_header;
  ASSERT_EQ(call_skb("skb_adjust_room", 20, kMac, 0), 0);
  EXPECT_EQ(packet().offset_of(packet().meta.transport_header), 14);
}

TEST_F(PacketRoom, TheMetadataAreaStaysInFrontOfData) {
  Packet& made = use_udp();
  made.meta.meta_len = 8;
  std::memset(made.data() - 8, 0x5a, 8);
  run.packet_moved();
  ASSERT_EQ(call_skb("skb_adjust_room", 200, kNet, 0), 0);
  EXPECT_EQ(*(packet().data() - 8), 0x5a);
  EXPECT_TRUE(region_is_current());
  ASSERT_EQ(call_skb("skb_adjust_room", -200, kNet, 0), 0);
  EXPECT_EQ(*(packet().data() - 1), 0x5a);
  EXPECT_TRUE(region_is_current());
}

TEST_F(PacketRoom, EncapsulationRemembersTheInnerHeaders) {
  use_udp();
  ASSERT_EQ(call_skb("skb_adjust_room", 50, kMac, kEncapV4 | kEncapUdp | kEncapEth | kInner14), 0);
  const PacketMeta& meta = packet().meta;
  EXPECT_TRUE(meta.encapsulation);
  EXPECT_EQ(packet().offset_of(meta.network_header), 14);
  EXPECT_EQ(packet().offset_of(meta.transport_header), 34);
  EXPECT_EQ(packet().offset_of(meta.inner_mac_header), 50);
  EXPECT_EQ(packet().offset_of(meta.inner_network_header), 64);
  EXPECT_EQ(packet().offset_of(meta.inner_transport_header), 84);
  EXPECT_EQ(call_skb("skb_adjust_room", 20, kMac, kEncapV4), -EALREADY);
}

TEST_F(PacketRoom, TheOuterFamilyIsTheProtocol) {
  use_udp();
  ASSERT_EQ(call_skb("skb_adjust_room", 40, kMac, kEncapV6), 0);
  EXPECT_EQ(packet().meta.protocol, kProtoIpv6);
  ASSERT_EQ(call_skb("skb_adjust_room", -40, kMac, kDecapIp6), 0);
  EXPECT_FALSE(packet().meta.encapsulation);
}

TEST_F(PacketRoom, APacketWithoutNetworkHeaderIsLeftAlone) {
  Packet& made = use_udp();
  const auto before = bytes();
  made.meta.network_header = kUnset;
  EXPECT_LT(call_skb("skb_adjust_room", -20, kMac, 0), 0);
  EXPECT_LT(call_skb("skb_adjust_room", 20, kMac, 0), 0);
  EXPECT_LT(call_skb("skb_change_proto", 0xdd86, 0), 0);
  EXPECT_EQ(bytes(), before);
}

// ---- skb_adjust_room: the flags of Linux 7.3 ----

struct DecapCase {
  std::int32_t difference;
  std::uint64_t flags;
  std::int64_t result;
};
class Decap : public HelperTest, public ::testing::WithParamInterface<DecapCase> {};
TEST_P(Decap, IsCheckedAgainstItselfAndWhatItRemoves) {
  use_udp(200);
  const auto [difference, flags, result] = GetParam();
  EXPECT_EQ(call_skb("skb_adjust_room", difference, kMac, flags), result);
}
INSTANTIATE_TEST_SUITE_P(Flags, Decap,
                         ::testing::Values(DecapCase{28, kDecapUdp, -EINVAL}, DecapCase{-28, kDecapUdp, 0},
                                           DecapCase{-27, kDecapUdp, -EINVAL}, DecapCase{-24, kDecapGre, 0},
                                           DecapCase{-23, kDecapGre, -EINVAL}, DecapCase{-20, kDecapIpip, 0},
                                           DecapCase{-19, kDecapIpip, -EINVAL}, DecapCase{-40, kDecapIp6, 0},
                                           DecapCase{-39, kDecapIp6, -EINVAL},
                                           DecapCase{-60, kDecapUdp | kDecapGre, -EINVAL},
                                           DecapCase{-60, kDecapIpip | kDecapIp6, -EINVAL},
                                           DecapCase{-60, kDecapUdp | kDecapIpip, -EINVAL},
                                           DecapCase{-60, kDecapUdp | kDecapV6, 0},
                                           DecapCase{-60, kDecapUdp | kEncapV4, -EINVAL}));

TEST_F(PacketRoom, DecapClearsTheTunnelOfASuperPacket) {
  struct Tunnel {
    std::uint64_t flags;
    std::uint32_t type;
  };
  for (const Tunnel tunnel :
       {Tunnel{kDecapUdp, kGsoUdpTunnel | kGsoUdpTunnelCsum}, Tunnel{kDecapGre, kGsoGre | kGsoGreCsum},
        Tunnel{kDecapIpip, kGsoIpxip4}, Tunnel{kDecapIp6, kGsoIpxip6}}) {
    Packet& made = use_udp(2000);
    made.meta.gso = {.type = kGsoTcp4 | tunnel.type, .size = 100, .segs = 20};
    made.meta.encapsulation = true;
    ASSERT_EQ(call_skb("skb_adjust_room", -40, kMac, tunnel.flags | kFixedGso), 0);
    EXPECT_EQ(packet().meta.gso.type, kGsoTcp4 | kGsoDodgy);
    EXPECT_FALSE(packet().meta.encapsulation);
  }
}

// ---- skb_adjust_room: super-packets and checksums ----

TEST_F(PacketRoom, SegmentsShrinkByWhatTheHeadersGrow) {
  Packet& made = use_udp(2000);
  made.meta.gso = {.type = kGsoTcp4, .size = 1000, .segs = 2};
  ASSERT_EQ(call_skb("skb_adjust_room", 24, kMac, kEncapV4 | kEncapGre), 0);
  EXPECT_EQ(packet().meta.gso.size, 976);
  EXPECT_EQ(packet().meta.gso.segs, 0);
  EXPECT_EQ(packet().meta.gso.type, kGsoTcp4 | kGsoGre | kGsoDodgy);
}

TEST_F(PacketRoom, DatagramsOfASuperPacketKeepTheirSize) {
  Packet& made = use_udp(2000);
  made.meta.gso = {.type = kGsoUdpL4, .size = 1000, .segs = 2};
  EXPECT_EQ(call_skb("skb_adjust_room", 20, kMac, 0), -kENOTSUPP);
  EXPECT_EQ(call_skb("skb_adjust_room", -20, kMac, 0), -kENOTSUPP);
  EXPECT_EQ(call_skb("skb_adjust_room", 20, kMac, kFixedGso), 0);
  EXPECT_EQ(packet().meta.gso.size, 1000);
}

TEST_F(PacketRoom, AVerifiedChecksumIsForgottenUnlessItIsToStay) {
  for (const std::uint64_t flags : {std::uint64_t{0}, kNoCsumReset}) {
    use_udp().meta.csum = {.state = ChecksumState::kUnnecessary, .level = 1};
    ASSERT_EQ(call_skb("skb_adjust_room", 20, kMac, flags), 0);
    EXPECT_EQ(packet().meta.csum.state, flags == 0 ? ChecksumState::kNone : ChecksumState::kUnnecessary);
  }
}

TEST_F(PacketRoom, APendingChecksumThatIsRemovedIsGivenUp) {
  const auto use_partial = [&] {
    Packet& made = use_udp(200);
    made.meta.csum = {.state = ChecksumState::kPartial, .start = made.at(34), .offset = 6};
  };
  use_partial();
  ASSERT_EQ(call_skb("skb_adjust_room", -20, kMac, 0), 0);
  EXPECT_EQ(packet().meta.csum.state, ChecksumState::kPartial);
  use_partial();
  ASSERT_EQ(call_skb("skb_adjust_room", -36, kMac, 0), 0);
  EXPECT_EQ(packet().meta.csum.state, ChecksumState::kNone);
}

TEST_F(PacketRoom, ACompleteSumLosesWhatIsRemoved) {
  Packet& made = use_udp(200);
  made.meta.csum.state = ChecksumState::kComplete;
  made.meta.csum.sum = sum_of(made.range(14, made.len() - 14));
  ASSERT_EQ(call_skb("skb_adjust_room", -20, kMac, 0), 0);
  const Packet& after = packet();
  EXPECT_EQ(fold(after.meta.csum.sum), fold(sum_of(after.range(14, after.len() - 14))));
}

// ---- skb_change_proto ----

TEST_F(PacketRoom, ProtoChangesTheKindOfASuperPacketAndForgetsTheHash) {
  Packet& made = use_udp(2000);
  made.meta.gso = {.type = kGsoTcp4, .size = 1000, .segs = 2};
  made.meta.hash = 5;
  made.meta.l4_hash = true;
  ASSERT_EQ(call_skb("skb_change_proto", 0xdd86, 0), 0);
  EXPECT_EQ(packet().meta.gso.type, kGsoTcp6 | kGsoDodgy);
  EXPECT_EQ(packet().meta.hash, 0U);
  EXPECT_EQ(packet().offset_of(packet().meta.transport_header), 54);
  ASSERT_EQ(call_skb("skb_change_proto", 0x0008, 0), 0);
  EXPECT_EQ(packet().meta.gso.type, kGsoTcp4 | kGsoDodgy);
  EXPECT_TRUE(region_is_current());
}

}  // namespace
}  // namespace netkit::bpf
