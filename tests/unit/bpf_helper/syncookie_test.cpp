#include <cerrno>

#include "bpf/helper/siphash.h"
#include "fixture.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

// The test vector of the authors: key 00 01 .. 0f, message 00 01 .. of so many bytes.
TEST(SipHash, IsThatOfItsAuthors) {
  constexpr SipKey kKey{0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};
  EXPECT_EQ(siphash(kKey, {}), 0x726f'db47'dd0e'0e31U);
  const std::array<std::uint64_t, 1> message{0x0706'0504'0302'0100};
  EXPECT_EQ(siphash(kKey, message), 0x93f5'f579'9a93'2462U);
}

Nanoseconds now = 1'000'000'000'000;
Nanoseconds pinned(void*, clockid_t) {
  return now;
}

class SynCookies : public HelperTest {
 protected:
  SynCookies() {
    outside.clock = pinned;
    ip.source = Be32{0x0a000001};
    ip.destination = Be32{0x0a000002};
    syn.header.source = Be16{1000};
    syn.header.destination = Be16{80};
    syn.header.seq = Be32{77};
    syn.header.flags = TcpHeader::kSyn;
  }
  struct Syn {
    TcpHeader header;
    std::array<std::uint8_t, 4> mss{2, 4, 0, 0};
  };
  std::int64_t generate(std::uint16_t mss) {
    syn.header.offset_reserved = 0x60;
    syn.mss[2] = static_cast<std::uint8_t>(mss >> 8);
    syn.mss[3] = static_cast<std::uint8_t>(mss);
    return call("tcp_raw_gen_syncookie_ipv4", &ip, &syn, 24);
  }
  // The acknowledgement of the answer with that cookie.
  std::int64_t check(std::int64_t cookie) {
    TcpHeader ack = syn.header;
    ack.flags = TcpHeader::kAck;
    ack.seq = Be32{78};
    ack.ack_seq = Be32{static_cast<std::uint32_t>(cookie) + 1};
    return call("tcp_raw_check_syncookie_ipv4", &ip, &ack);
  }
  Ipv4Header ip;
  Syn syn;
};

TEST_F(SynCookies, GoRound) {
  for (const std::uint16_t mss :
       std::initializer_list<std::uint16_t>{100, 536, 1300, 1400, 1440, 1459, 1460, 9000}) {
    EXPECT_EQ(check(generate(mss)), 0) << mss;
  }
}

TEST_F(SynCookies, NameTheSegmentSizeTheyStandFor) {
  EXPECT_EQ(generate(100) >> 32, 536);
  EXPECT_EQ(generate(1300) >> 32, 1300);
  EXPECT_EQ(generate(1459) >> 32, 1440);
  EXPECT_EQ(generate(9000) >> 32, 1460);
  EXPECT_EQ(generate(0) >> 32, 536);
}

TEST_F(SynCookies, OfOthersAreRefused) {
  const std::int64_t cookie = generate(1460);
  EXPECT_EQ(check(cookie ^ 0x100), -EACCES);
  ip.source = Be32{0x0a000003};
  EXPECT_EQ(check(cookie), -EACCES);
}

TEST_F(SynCookies, GrowOldInTwoMinutes) {
  const std::int64_t cookie = generate(1460);
  now += 60'000'000'000;
  EXPECT_EQ(check(cookie), 0);
  now += 60'000'000'000;
  EXPECT_EQ(check(cookie), -EACCES);
}

TEST_F(SynCookies, NeedAWholeHeader) {
  syn.header.offset_reserved = 0x60;
  EXPECT_EQ(call("tcp_raw_gen_syncookie_ipv4", &ip, &syn, 20), -EINVAL);
  EXPECT_EQ(call("tcp_raw_gen_syncookie_ipv4", &ip, &syn, 19), -EINVAL);
  EXPECT_GT(call("tcp_raw_gen_syncookie_ipv4", &ip, &syn, 24), 0);
}

TEST_F(SynCookies, AreThereForIpv6) {
  Ipv6Header ip6;
  ip6.source[15] = 1;
  syn.header.offset_reserved = 0x50;
  const std::int64_t cookie = call("tcp_raw_gen_syncookie_ipv6", &ip6, &syn, 20);
  EXPECT_EQ(cookie >> 32, 1220);
  TcpHeader ack = syn.header;
  ack.seq = Be32{78};
  ack.ack_seq = Be32{static_cast<std::uint32_t>(cookie) + 1};
  EXPECT_EQ(call("tcp_raw_check_syncookie_ipv6", &ip6, &ack), 0);
  ip6.destination[0] = 1;
  EXPECT_EQ(call("tcp_raw_check_syncookie_ipv6", &ip6, &ack), -EACCES);
}

}  // namespace
}  // namespace netkit::bpf
