#include <sys/socket.h>

#include <cerrno>

#include "bpf/run/fib.h"
#include "fixture.h"

namespace netkit::bpf {
namespace {

// A table of one route: everything goes out of device 2, whose MTU is 100.
struct Table {
  std::int64_t result = kFibSuccess;
  std::uint32_t flags = 0;
  bool asked = false;
};
std::int64_t lookup(void* self, RunContext&, FibParameters& params, std::uint32_t flags) {
  auto& table = *static_cast<Table*>(self);
  table.asked = true;
  table.flags = flags;
  params.ifindex = 2;
  params.dmac = {1, 2, 3, 4, 5, 6};
  return table.result;
}
std::uint32_t mtu_of(void*, RunContext&, std::uint32_t ifindex) {
  return ifindex == 1 ? 1500 : ifindex == 2 ? 100 : 0;
}

class FibLookup : public HelperTest {
 protected:
  FibLookup() {
    use_udp();
    outside.self = &table;
    outside.device_mtu = mtu_of;
    params.family = AF_INET;
    params.ifindex = 1;
  }
  std::int64_t look_up(std::uint32_t flags = 0, std::int32_t size = sizeof(FibParameters)) {
    outside.fib_lookup = lookup;
    return call_skb("fib_lookup", &params, size, flags);
  }
  Table table;
  FibParameters params{};
};

TEST_F(FibLookup, AsksTheTableAndTellsTheMtu) {
  EXPECT_EQ(look_up(kFibSkipNeigh | kFibMark), kFibSuccess);
  EXPECT_EQ(table.flags, kFibSkipNeigh | kFibMark);
  EXPECT_EQ(params.ifindex, 2U);
  EXPECT_EQ(params.dmac[5], 6);
  EXPECT_EQ(params.tot_len, 100);
}

TEST_F(FibLookup, ChecksThePacketUnlessALengthIsGiven) {
  use_udp(90);  // 132 bytes, 118 fit
  EXPECT_EQ(look_up(), kFibFragmentationNeeded);
  EXPECT_EQ(params.tot_len, 100);
  params.tot_len = 50;
  EXPECT_EQ(look_up(), kFibSuccess);
  EXPECT_EQ(params.tot_len, 50);
  params.tot_len = 0;
  packet().meta.gso.size = 20;
  EXPECT_EQ(look_up(), kFibSuccess);
}

TEST_F(FibLookup, PassesOnWhatTheTableAnswers) {
  for (const std::int64_t result :
       {std::int64_t{kFibBlackhole}, std::int64_t{kFibNoNeighbour}, -std::int64_t{ENODEV}}) {
    table.result = result;
    EXPECT_EQ(look_up(), result);
    EXPECT_EQ(params.tot_len, 0);
  }
}

TEST_F(FibLookup, RefusesBadArguments) {
  EXPECT_EQ(look_up(0, 63), -EINVAL);
  EXPECT_EQ(look_up(kFibVlan), -EINVAL);
  EXPECT_EQ(look_up(kFibVlanInput | kFibOutput), -EINVAL);
  EXPECT_EQ(look_up(kFibVlanInput | kFibTbid), -EINVAL);
  EXPECT_EQ(look_up(256), -EINVAL);
  params.family = AF_UNIX;
  EXPECT_EQ(look_up(), -EAFNOSUPPORT);
  EXPECT_FALSE(table.asked);
  params.family = AF_INET;
  EXPECT_EQ(look_up(kFibVlanInput), kFibSuccess);
}

TEST_F(FibLookup, LinkLocalAndMulticastStayOnTheirLink) {
  params.family = AF_INET6;
  params.dst = {0xfe, 0x80};
  EXPECT_EQ(look_up(), kFibNotForwarded);
  params.dst = {0xff, 0x02};
  EXPECT_EQ(look_up(), kFibNotForwarded);
  params.dst = {0xfd};
  EXPECT_EQ(look_up(), kFibSuccess);
  params.src = {0xfe, 0xbf};
  EXPECT_EQ(look_up(), kFibNotForwarded);
}

TEST_F(FibLookup, WithoutATableNothingIsForwarded) {
  EXPECT_EQ(call_skb("fib_lookup", &params, 64, 0), kFibForwardingDisabled);
  params.ifindex = 9;
  EXPECT_EQ(call_skb("fib_lookup", &params, 64, 0), -ENODEV);
}

}  // namespace
}  // namespace netkit::bpf
