#include "packet/tunnel_info.h"

#include <array>
#include <cerrno>

#include "fixture.h"

namespace netkit::bpf {
namespace {

using Key = std::array<std::uint8_t, 44>;

class Tunnel : public HelperTest {
 protected:
  Tunnel() {
    use_udp();
    key = {1, 2, 3, 4, 5, 0, 0, 10};  // id 0x04030201, remote 10.0.0.5
    key[20] = 6;                      // tos
    key[21] = 7;                      // ttl
    key[28] = 8, key[31] = 10;        // local 10.0.0.8
    got.fill(0xff);
  }
  std::int64_t set(std::uint64_t flags = 0, std::uint32_t size = 44) {
    return call_skb("skb_set_tunnel_key", key.data(), size, flags);
  }
  std::int64_t get(std::uint64_t flags = 0, std::uint32_t size = 44) {
    return call_skb("skb_get_tunnel_key", got.data(), size, flags);
  }
  Key key{};
  Key got{};
};

TEST_F(Tunnel, PacketsHaveNoneAtFirst) {
  EXPECT_EQ(get(), -EINVAL);
  EXPECT_EQ(got, Key{});
}

TEST_F(Tunnel, AKeySetShowsTheLocalAddressAsRemote) {
  EXPECT_EQ(set(), 0);
  EXPECT_EQ(get(), 0);
  Key expected = key;
  std::swap_ranges(expected.begin() + 4, expected.begin() + 8, expected.begin() + 28);
  EXPECT_EQ(got, expected);
}

TEST_F(Tunnel, FlagsAreShownOnRequestInNetworkOrder) {
  EXPECT_EQ(set(4 | 8), 0);
  EXPECT_EQ(get(16), 0);
  EXPECT_EQ(got[22] << 8 | got[23],
            kTunnelCsum | kTunnelKey | kTunnelSeq | kTunnelDontFragment | kTunnelNoCache);
  EXPECT_EQ(set(2 | 16), 0);
  EXPECT_EQ(get(16), 0);
  EXPECT_EQ(got[22] << 8 | got[23], kTunnelNoCache);
}

TEST_F(Tunnel, BadArgumentsChangeNothing) {
  for (const std::uint64_t flags : {32, 64, 128}) EXPECT_EQ(set(flags), -EINVAL);
  for (const std::uint32_t size : {4, 9, 23, 40, 48}) EXPECT_EQ(set(0, size), -EINVAL);
  key[22] = 1;
  EXPECT_EQ(set(), -EINVAL);
  key[22] = 0;
  key[24] = 1;  // a label is for IPv6
  EXPECT_EQ(set(), -EINVAL);
  EXPECT_FALSE(packet().meta.tunnel);
  EXPECT_EQ(set(1), 0);
}

TEST_F(Tunnel, TheFamilyMustBeTheOneAskedFor) {
  EXPECT_EQ(set(1), 0);
  EXPECT_EQ(get(0), -EPROTO);
  EXPECT_EQ(got, Key{});
  EXPECT_EQ(get(1), 0);
  EXPECT_EQ(get(1, 8), -EINVAL);
  EXPECT_EQ(get(1, 28), 0);
  EXPECT_EQ(get(2), -EINVAL);
}

TEST_F(Tunnel, OlderAndShorterKeysAreTaken) {
  for (const std::uint32_t size : {8U, 22U, 24U, 28U}) {
    EXPECT_EQ(set(0, size), 0);
    got.fill(0xff);
    EXPECT_EQ(get(0, size), 0);
    EXPECT_EQ(got[size], 0xff);
  }
  EXPECT_EQ(get(0, 12), -EINVAL);
}

TEST_F(Tunnel, OptionsComeWithAKey) {
  std::array<std::uint8_t, 256> options{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::uint8_t, 256> seen{};
  seen.fill(0xff);
  const auto set_options = [&](std::uint32_t size) {
    return call_skb("skb_set_tunnel_opt", options.data(), size);
  };
  const auto get_options = [&](std::uint32_t size) {
    return call_skb("skb_get_tunnel_opt", seen.data(), size);
  };
  EXPECT_EQ(set_options(8), -EINVAL);
  EXPECT_EQ(get_options(8), -ENOENT);
  EXPECT_EQ(set(), 0);
  EXPECT_EQ(get_options(8), -ENOENT);
  EXPECT_EQ(set_options(7), -EINVAL);
  EXPECT_EQ(set_options(256), -ENOMEM);
  EXPECT_EQ(set_options(8), 0);
  EXPECT_EQ(get_options(4), -ENOMEM);
  EXPECT_EQ(seen[3], 0);
  EXPECT_EQ(get_options(12), 8);
  EXPECT_EQ(seen[7], 8);
  EXPECT_EQ(seen[8], 0);
}

TEST_F(Tunnel, OfAClonedPacketIsItsOwnOnceItIsChanged) {
  EXPECT_EQ(set(), 0);
  const TunnelPtr of_clone = packet().meta.tunnel;
  const std::array<std::uint8_t, 4> options{};
  EXPECT_EQ(call_skb("skb_set_tunnel_opt", options.data(), 4), 0);
  EXPECT_EQ(of_clone->options_length, 0);
  EXPECT_EQ(packet().meta.tunnel->options_length, 4);
}

TEST_F(Tunnel, ThatCameInTakesNoOptions) {
  packet().meta.tunnel = TunnelPtr::make();
  const std::array<std::uint8_t, 4> options{};
  EXPECT_EQ(call_skb("skb_set_tunnel_opt", options.data(), 4), -EINVAL);
  EXPECT_EQ(get(), 0);
}

}  // namespace
}  // namespace netkit::bpf
