#include <cerrno>

#include "fixture.h"

namespace netkit::bpf {
namespace {

// Device 1 has an MTU of 100, the packet's own one of 50.
std::uint32_t mtu_of(void*, RunContext&, std::uint32_t ifindex) {
  return ifindex == 0 ? 50 : ifindex == 1 ? 100 : 0;
}

class CheckMtu : public HelperTest {
 protected:
  CheckMtu() {
    outside.device_mtu = mtu_of;
    use_udp(58);  // 14 + 20 + 8 + 58 = 100 bytes
  }
  std::int64_t check(std::uint32_t ifindex, std::int32_t difference = 0, std::uint64_t flags = 0,
                     std::uint32_t length = 0) {
    mtu = length;
    return call_skb("check_mtu", ifindex, &mtu, difference, flags);
  }
  std::uint32_t mtu = 0;
};

TEST_F(CheckMtu, ComparesThePacketWithTheDevice) {
  EXPECT_EQ(check(1), 0);
  EXPECT_EQ(mtu, 100U);
  EXPECT_EQ(check(1, 14), 0);
  EXPECT_EQ(check(1, 15), 1);
  EXPECT_EQ(check(0), 1);
  EXPECT_EQ(mtu, 50U);
  EXPECT_EQ(check(0, -50), 0);
}

TEST_F(CheckMtu, TakesALengthInsteadOfThePacket) {
  EXPECT_EQ(check(1, 0, 0, 100), 0);
  EXPECT_EQ(check(1, 0, 0, 101), 1);
  EXPECT_EQ(check(1, -1, 0, 101), 0);
}

TEST_F(CheckMtu, RefusesBadFlagsAndUnknownDevices) {
  EXPECT_EQ(check(1, 0, 2), -EINVAL);
  EXPECT_EQ(check(1, 5, 1), -EINVAL);
  EXPECT_EQ(check(1, 0, 1, 5), -EINVAL);
  EXPECT_EQ(check(9), -ENODEV);
  EXPECT_EQ(mtu, 0U);
}

TEST_F(CheckMtu, LooksIntoSuperPacketsOnRequest) {
  PacketMeta& meta = packet().meta;
  meta.gso.type = kGsoUdpL4;
  packet().set_network_header(14);
  packet().set_transport_header(34);
  meta.gso.size = 22;
  EXPECT_EQ(check(0), 0);
  EXPECT_EQ(check(0, 0, 1), 0);
  meta.gso.size = 23;
  EXPECT_EQ(check(0), 0);
  EXPECT_EQ(check(0, 0, 1), 2);
}

}  // namespace
}  // namespace netkit::bpf
