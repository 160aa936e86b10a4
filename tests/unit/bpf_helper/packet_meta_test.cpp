#include <cerrno>

#include "fixture.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

using PacketMetadata = HelperTest;

struct TypeCase {
  PacketType from;
  std::uint32_t to;
  std::int64_t result;
};
class ChangeType : public HelperTest, public ::testing::WithParamInterface<TypeCase> {};
TEST_P(ChangeType, GoesBetweenTheFourReceivedTypes) {
  const auto [from, to, result] = GetParam();
  use_udp().meta.pkt_type = from;
  EXPECT_EQ(call_skb("skb_change_type", to), result);
  EXPECT_EQ(static_cast<std::uint32_t>(packet().meta.pkt_type),
            result == 0 ? to : static_cast<std::uint32_t>(from));
}
INSTANTIATE_TEST_SUITE_P(Types, ChangeType,
                         ::testing::Values(TypeCase{PacketType::kHost, 3, 0},
                                           TypeCase{PacketType::kOtherhost, 0, 0},
                                           TypeCase{PacketType::kMulticast, 1, 0},
                                           TypeCase{PacketType::kHost, 4, -EINVAL},
                                           TypeCase{PacketType::kHost, 0x100, -EINVAL},
                                           TypeCase{PacketType::kOutgoing, 0, -EINVAL},
                                           TypeCase{PacketType::kLoopback, 3, -EINVAL}));

TEST_F(PacketMetadata, HashIsComputedOnceAndKept) {
  use_udp();
  const std::int64_t hash = call_skb("get_hash_recalc");
  EXPECT_NE(hash, 0);
  EXPECT_EQ(packet().meta.hash, hash);
  packet().data()[40] ^= 0xff;
  EXPECT_EQ(call_skb("get_hash_recalc"), hash);
}

TEST_F(PacketMetadata, HashIsTheSameBothWaysOfAFlow) {
  use_udp();
  const std::int64_t there = call_skb("get_hash_recalc");
  use(PacketBuilder().ethernet({{1}}, {{2}}).ip("10.0.0.2", "10.0.0.1").udp(53, 1000).build(pool));
  EXPECT_EQ(call_skb("get_hash_recalc"), there);
}

TEST_F(PacketMetadata, InvalidatedHashReadsZeroAndIsComputedAnew) {
  use_udp();
  const std::int64_t hash = call_skb("get_hash_recalc");
  EXPECT_EQ(call_skb("set_hash", 99), 0);
  EXPECT_EQ(call_skb("get_hash_recalc"), 99);
  EXPECT_EQ(call_skb("set_hash_invalid"), 0);
  EXPECT_EQ(packet().meta.hash, 0U);
  EXPECT_EQ(call_skb("get_hash_recalc"), hash);
}

TEST_F(PacketMetadata, SetHashTakesThirtyTwoBits) {
  use_udp();
  EXPECT_EQ(call_skb("set_hash", std::uint64_t{0x1'8000'0001}), 0);
  EXPECT_EQ(call_skb("get_hash_recalc"), std::int64_t{0x8000'0001});
}

struct TimestampCase {
  Be16 protocol;
  std::uint64_t tstamp;
  std::uint32_t type;
  std::int64_t result;
};
class SetTimestamp : public HelperTest, public ::testing::WithParamInterface<TimestampCase> {};
TEST_P(SetTimestamp, NeedsIpAndAClock) {
  const auto [protocol, tstamp, type, result] = GetParam();
  PacketMeta& meta = use_udp().meta;
  meta.protocol = protocol;
  meta.tstamp = 1;
  EXPECT_EQ(call_skb("skb_set_tstamp", tstamp, type), result);
  EXPECT_EQ(meta.tstamp, result == 0 ? tstamp : 1);
  EXPECT_EQ(static_cast<std::uint32_t>(meta.tstamp_type), result == 0 ? type : 0);
}
INSTANTIATE_TEST_SUITE_P(
    Clocks, SetTimestamp,
    ::testing::Values(TimestampCase{kProtoIpv4, 0, 0, 0}, TimestampCase{kProtoIpv6, 5, 0, 0},
                      TimestampCase{kProtoIpv4, 5, 1, 0}, TimestampCase{kProtoIpv4, 5, 2, 0},
                      TimestampCase{kProtoIpv4, 0, 1, -EINVAL}, TimestampCase{kProtoIpv4, 0, 2, -EINVAL},
                      TimestampCase{kProtoIpv4, 5, 3, -EINVAL}, TimestampCase{kProtoArp, 5, 1, -EOPNOTSUPP},
                      TimestampCase{kProtoArp, 5, 9, -EOPNOTSUPP}));

// ---- skb_ecn_set_ce ----

struct EcnCase {
  std::uint8_t before;
  std::int64_t result;
  std::uint8_t after;
};
class EcnV4 : public HelperTest, public ::testing::WithParamInterface<EcnCase> {};
TEST_P(EcnV4, MarksCapablePacketsAndKeepsTheHeaderChecksumRight) {
  use(PacketBuilder()
          .ethernet({{1}}, {{2}})
          .ipv4({.tos = GetParam().before, .source = Be32{1}, .destination = Be32{2}})
          .udp(1, 2)
          .build(pool));
  EXPECT_EQ(call_skb("skb_ecn_set_ce"), GetParam().result);
  EXPECT_EQ(packet().data()[15], GetParam().after);
  EXPECT_TRUE(ipv4_header_correct(packet().range(14, 20)));
}
INSTANTIATE_TEST_SUITE_P(Codepoints, EcnV4,
                         ::testing::Values(EcnCase{0x00, 0, 0x00}, EcnCase{0xb9, 1, 0xbb},
                                           EcnCase{0x02, 1, 0x03}, EcnCase{0x03, 1, 0x03}));

class EcnV6 : public HelperTest, public ::testing::WithParamInterface<EcnCase> {};
TEST_P(EcnV6, MarksCapablePacketsAndKeepsACompleteSumRight) {
  use(PacketBuilder()
          .ethernet({{1}}, {{2}})
          .ipv6({.version_class_label = Be32{0x6000'0000U | (std::uint32_t{GetParam().before} << 20U)}})
          .udp(1, 2)
          .build(pool));
  packet().meta.csum = {.state = ChecksumState::kComplete, .sum = sum_of(packet().bytes().subspan(14))};
  EXPECT_EQ(call_skb("skb_ecn_set_ce"), GetParam().result);
  EXPECT_EQ(static_cast<std::uint8_t>(load_unaligned<Be32>(packet().data() + 14).host() >> 20U),
            GetParam().after);
  EXPECT_EQ(fold(packet().meta.csum.sum), fold(sum_of(packet().bytes().subspan(14))));
}
INSTANTIATE_TEST_SUITE_P(Codepoints, EcnV6,
                         ::testing::Values(EcnCase{0x00, 0, 0x00}, EcnCase{0xb9, 1, 0xbb},
                                           EcnCase{0x02, 1, 0x03}, EcnCase{0x03, 1, 0x03}));

TEST_F(PacketMetadata, EcnLooksBehindTagsInTheBytes) {
  use(PacketBuilder().ethernet({{1}}, {{2}}).vlan(5).ipv4({.tos = 1}).udp(1, 2).build(pool));
  packet().meta.network_header = packet().at(18);
  EXPECT_EQ(call_skb("skb_ecn_set_ce"), 1);
  EXPECT_EQ(packet().data()[19], 3);
}

TEST_F(PacketMetadata, EcnLeavesAloneWhatIsNotLinearOrNotIp) {
  use(PacketBuilder().ethernet({{1}}, {{2}}).ipv4({.tos = 1}).udp(1, 2).build(pool));
  packet().set_linear_len(33);
  EXPECT_EQ(call_skb("skb_ecn_set_ce"), 0);
  use(PacketBuilder().ethernet({{1}}, {{2}}).arp({}).build(pool));
  EXPECT_EQ(call_skb("skb_ecn_set_ce"), 0);
}

}  // namespace
}  // namespace netkit::bpf
