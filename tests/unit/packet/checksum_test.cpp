#include "packet/checksum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "packet/builder.h"
#include "packet/checker.h"

namespace netkit {
namespace {

using Bytes = std::vector<std::uint8_t>;

// The definition of RFC 1071, word by word.
std::uint16_t plain_sum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8U) + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t host_fold(PartialSum sum) {
  return Be16::from_raw(fold(sum)).host();
}

TEST(Checksum, IsThatOfTheExampleInRfc1071) {
  const Bytes bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(host_fold(sum_of(bytes)), 0xddf2);
  EXPECT_EQ(finish(sum_of(bytes)), Be16{0x220d});
}

TEST(Checksum, OfAnIpv4Header) {
  Bytes header = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                  0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  EXPECT_EQ(ipv4_header_checksum(header), Be16{0xb861});
  EXPECT_TRUE(ipv4_header_correct(header));
  header[8] = 63;
  EXPECT_FALSE(ipv4_header_correct(header));
  EXPECT_EQ(ipv4_header_checksum(header), Be16{0xb961});
}

TEST(Checksum, AgreesWithTheDefinitionForAnyLengthAndAlignment) {
  std::mt19937 random(1);
  Bytes bytes(4096);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::uint32_t length = 0; length < 300; ++length) {
    const auto range = std::span(bytes).subspan(random() % 64, length);
    ASSERT_EQ(host_fold(sum_of(range)), plain_sum(range)) << length;
  }
  const Bytes ones(524'288, 0xff);
  EXPECT_EQ(fold(sum_of(ones)), 0xffff);
}

TEST(Checksum, OfPartsIsThatOfTheWhole) {
  std::mt19937 random(2);
  Bytes bytes(200);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::uint32_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto head = std::span(bytes).first(cut);
    const auto tail = std::span(bytes).subspan(cut);
    ASSERT_EQ(fold(sum_add_block(sum_of(head), sum_of(tail), cut)), fold(sum_of(bytes))) << cut;
  }
  EXPECT_EQ(fold(sum_sub(sum_add(5, 9), 9)), 5);
}

TEST(Checksum, FollowsAChangedField) {
  Bytes header = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
                  0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
  const Be16 updated = update_checksum(Be16{0xb861}, Be32{0xc0a80001}, Be32{0x0a000001});
  store_unaligned(header.data() + 12, Be32{0x0a000001});
  EXPECT_EQ(updated, ipv4_header_checksum(header));
  // RFC 1624, section 4: the case that equation 2 of RFC 1141 gets wrong.
  EXPECT_EQ(update_checksum(Be16{0xdd2f}, Be16{0x5555}, Be16{0x3285}), Be16{0x0000});
}

TEST(PseudoHeader, OfIpv4AndIpv6) {
  EXPECT_EQ(host_fold(pseudo_header_sum(Be32{0xc0a80001}, Be32{0xc0a800c7}, kIpUdp, 95)),
            plain_sum(Bytes{0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7, 0, 17, 0, 95}));
  Ipv6Bytes source{0xfd};
  Ipv6Bytes destination{0xfe, 0x80, 0xff};
  Bytes header(source.begin(), source.end());
  header.insert(header.end(), destination.begin(), destination.end());
  for (const int byte : {0, 3, 0, 1, 0, 0, 0, 6}) header.push_back(static_cast<std::uint8_t>(byte));
  EXPECT_EQ(host_fold(pseudo_header_sum(source, destination, kIpTcp, 0x30001)), plain_sum(header));
}

TEST(PartialChecksum, IsCompletedInPlace) {
  PacketPool pool;
  for (const char* other : {"10.0.0.2", "fd00::2"}) {
    const char* own = std::string_view(other).contains(':') ? "fd00::1" : "10.0.0.1";
    const auto build = [&](auto add) {
      PacketBuilder builder;
      builder.ethernet({}, kBroadcastMac).ip(own, other);
      return add(builder).build(pool);
    };
    const PacketPtr partial =
        build([](auto& b) { return b.tcp(1, 2).partial_checksum().payload("an odd payload!"); });
    const PacketPtr whole = build([](auto& b) { return b.tcp(1, 2).payload("an odd payload!"); });
    EXPECT_EQ(check::differences(*partial, check::partial_checksum), "");
    ASSERT_TRUE(complete_checksum(*partial));
    EXPECT_EQ(partial->meta.csum.state, ChecksumState::kNone);
    EXPECT_EQ(check::differences(*partial, check::correct_checksum), "");
    EXPECT_THAT(partial->bytes(), ::testing::ElementsAreArray(whole->bytes()));
  }
}

TEST(PartialChecksum, OfZeroIsStoredAsAllOnes) {
  PacketPool pool;
  const PacketPtr packet = pool.allocate(4);
  std::memcpy(packet->data(), "\xff\xff\0\0", 4);
  set_partial_checksum(*packet, 0, 2);
  ASSERT_TRUE(complete_checksum(*packet));
  EXPECT_EQ(load_unaligned<Be16>(packet->data() + 2), Be16{0xffff});
}

TEST(PartialChecksum, OutsideOfThePacketIsRefused) {
  PacketPool pool;
  const PacketPtr packet = pool.allocate(20);
  std::memset(packet->data(), 7, 20);
  for (const auto& [start, offset] : {std::pair{-1, 2}, {0, 19}, {21, 0}, {20, 0}, {19, 0}, {1 << 20, 2}}) {
    packet->meta.csum = {.state = ChecksumState::kPartial,
                         .start = packet->at(start),
                         .offset = static_cast<std::uint16_t>(offset)};
    EXPECT_FALSE(complete_checksum(*packet)) << start << "+" << offset;
  }
  EXPECT_THAT(packet->bytes(), ::testing::Each(7));
}

TEST(Verification, TellsRightWrongAbsentAndUnknown) {
  const auto verdict = [](const PacketBuilder& builder) {
    const auto bytes = builder.bytes();
    const auto layout = dissect(bytes, kProtoIpv4, 0);
    return verify_transport_checksum(bytes, *layout);
  };
  const auto ip = [] { return PacketBuilder().ip("10.0.0.1", "10.0.0.2"); };
  EXPECT_EQ(verdict(ip().udp(1, 2).payload("abc")), ChecksumVerdict::kCorrect);
  EXPECT_EQ(verdict(ip().udp(1, 2).payload("abc").pad_to(60)), ChecksumVerdict::kCorrect);
  EXPECT_EQ(verdict(ip().tcp(1, 2).payload("abc")), ChecksumVerdict::kCorrect);
  EXPECT_EQ(verdict(ip().icmp({}).payload("abc")), ChecksumVerdict::kCorrect);
  EXPECT_EQ(verdict(ip().udp(1, 2).wrong_checksum()), ChecksumVerdict::kWrong);
  EXPECT_EQ(verdict(ip().tcp(1, 2).wrong_checksum()), ChecksumVerdict::kWrong);
  EXPECT_EQ(verdict(ip().udp(1, 2).no_checksum().payload("abc")), ChecksumVerdict::kAbsent);
  EXPECT_EQ(verdict(ip().payload("abcdefghijkl")), ChecksumVerdict::kUnknown);
  EXPECT_EQ(verdict(ip().udp({.length = Be16{100}})), ChecksumVerdict::kUnknown);
  EXPECT_EQ(verdict(ip().udp({.length = Be16{7}})), ChecksumVerdict::kUnknown);
}

TEST(Verification, WantsAUdpChecksumOverIpv6) {
  const auto bytes = PacketBuilder().ip("fd00::1", "fd00::2").udp(1, 2).no_checksum().bytes();
  EXPECT_EQ(verify_transport_checksum(bytes, *dissect(bytes, kProtoIpv6, 0)), ChecksumVerdict::kWrong);
  const auto icmp = PacketBuilder().ip("fd00::1", "fd00::2").icmpv6({.type = kIcmpv6EchoRequest}).bytes();
  EXPECT_EQ(verify_transport_checksum(icmp, *dissect(icmp, kProtoIpv6, 0)), ChecksumVerdict::kCorrect);
}

}  // namespace
}  // namespace netkit
