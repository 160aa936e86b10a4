// Which socket a packet reaches.
#include "bpf/run/socket_table.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <bit>

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kHere = 7;

Socket udp(std::uint32_t family, std::uint16_t port) {
  Socket socket;
  socket.sock.family = family;
  socket.sock.protocol = IPPROTO_UDP;
  socket.sock.src_port = port;
  socket.netns_cookie = kHere;
  return socket;
}
SocketQuery to(std::uint8_t last, std::uint32_t family = AF_INET) {
  SocketQuery query{.protocol = IPPROTO_UDP, .family = family};
  query.saddr = {10, 0, 0, 1};
  query.daddr = {10, 0, 0, last};
  query.sport = Be16{9};
  query.dport = Be16{53};
  return query;
}
std::uint32_t ip4(std::uint8_t last) {
  return std::bit_cast<std::uint32_t>(std::array<std::uint8_t, 4>{10, 0, 0, last});
}

class SocketTableTest : public ::testing::Test {
 protected:
  // The handle of what is found; 0: nothing.
  std::uint64_t find(const SocketQuery& query, std::uint64_t netns = kHere) {
    const rcu::Section section;
    const Socket* socket = table.find(query, netns);
    return socket != nullptr ? socket->handle : 0;
  }
  SocketTable table;
};

TEST_F(SocketTableTest, TheMoreASocketIsBoundTheBetterItSuits) {
  const auto any = table.insert(udp(AF_INET, 53));
  EXPECT_EQ(find(to(2)), any);
  Socket bound = udp(AF_INET, 53);
  bound.sock.src_ip4 = ip4(2);
  const auto by_address = table.insert(bound);
  EXPECT_EQ(find(to(2)), by_address);
  EXPECT_EQ(find(to(3)), any);
  bound.sock.dst_ip4 = ip4(1);
  bound.sock.dst_port = Be16{9};
  const auto connected = table.insert(bound);
  EXPECT_EQ(find(to(2)), connected);
  SocketQuery from_elsewhere = to(2);
  from_elsewhere.sport = Be16{10};
  EXPECT_EQ(find(from_elsewhere), by_address);
}

TEST_F(SocketTableTest, NamespacesProtocolsAndPortsAreKeptApart) {
  table.insert(udp(AF_INET, 53));
  EXPECT_EQ(find(to(2), kHere + 1), 0U);
  SocketQuery query = to(2);
  query.protocol = IPPROTO_TCP;
  EXPECT_EQ(find(query), 0U);
  query = to(2);
  query.dport = Be16{54};
  EXPECT_EQ(find(query), 0U);
}

TEST_F(SocketTableTest, AnIpv6SocketOfThePortTakesIpv4UnlessItSaysNot) {
  Socket dual = udp(AF_INET6, 53);
  const auto handle = table.insert(dual);
  EXPECT_EQ(find(to(2)), handle);
  EXPECT_EQ(find(to(2, AF_INET6)), handle);
  table.remove(handle);
  dual.ipv6_only = true;
  const auto only = table.insert(dual);
  EXPECT_EQ(find(to(2)), 0U);
  EXPECT_EQ(find(to(2, AF_INET6)), only);
}

TEST_F(SocketTableTest, GivesHandlesAndCookies) {
  const auto first = table.insert(udp(AF_INET, 1));
  Socket own = udp(AF_INET, 2);
  own.cookie = 99;
  const auto second = table.insert(own);
  EXPECT_NE(first, second);
  const rcu::Section section;
  EXPECT_EQ(table.find(first)->cookie, first);
  EXPECT_EQ(table.find(second)->cookie, 99U);
  EXPECT_EQ(table.find(second + 1), nullptr);
}

}  // namespace
}  // namespace netkit::bpf
