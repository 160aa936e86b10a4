#include "host/frame_address.h"

#include <gtest/gtest.h>

#include "packet/builder.h"

namespace netkit::host {
namespace {

const MacAddress kOwn{{2, 0, 0, 0, 0, 1}};
const MacAddress kOther{{2, 0, 0, 0, 0, 2}};
const MacAddress kZero{};
const MacAddress kMulticast{{1, 0, 0x5e, 0, 0, 1}};

class FrameAddressTest : public testing::Test {
 protected:
  PacketPtr frame(const MacAddress& source, const MacAddress& destination,
                  PacketType type = PacketType::kHost) {
    PacketPtr packet =
        PacketBuilder().ethernet(source, destination).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(pool);
    packet->meta.pkt_type = type;
    return packet;
  }
  static EthernetHeader header(const Packet& packet) { return *read_header<EthernetHeader>(packet.bytes()); }
  PacketPool pool;
};

TEST_F(FrameAddressTest, ProgramsSeeZeroForTheOwnAddress) {
  const PacketPtr packet = frame(kOwn, kOwn);
  hide_own_address(*packet, kOwn);
  EXPECT_EQ(header(*packet).source, kZero);
  EXPECT_EQ(header(*packet).destination, kZero);
}

TEST_F(FrameAddressTest, MulticastAndForeignDestinationsStay) {
  for (const MacAddress& destination : {kMulticast, kBroadcastMac, kOther}) {
    const PacketPtr packet = frame(kOwn, destination);
    hide_own_address(*packet, kOwn);
    EXPECT_EQ(header(*packet).source, kZero);
    EXPECT_EQ(header(*packet).destination, destination);
  }
}

TEST_F(FrameAddressTest, ZeroBecomesTheOwnAddressTowardsAnL3Pod) {
  const PacketPtr packet = frame(kZero, kZero);
  EXPECT_EQ(address_for_pod(*packet, kOwn, true), DropReason::kNone);
  EXPECT_EQ(header(*packet).source, kOwn);
  EXPECT_EQ(header(*packet).destination, kOwn);
}

TEST_F(FrameAddressTest, AHostFrameReachesThePodWhateverItsDestination) {
  for (const bool l3 : {false, true}) {
    const PacketPtr packet = frame(kOther, kOther);
    EXPECT_EQ(address_for_pod(*packet, kOwn, l3), DropReason::kNone);
    EXPECT_EQ(header(*packet).source, kOther);
    EXPECT_EQ(header(*packet).destination, kOwn);
  }
}

TEST_F(FrameAddressTest, AMulticastFrameKeepsItsDestination) {
  const PacketPtr packet = frame(kZero, kMulticast, PacketType::kMulticast);
  EXPECT_EQ(address_for_pod(*packet, kOwn, true), DropReason::kNone);
  EXPECT_EQ(header(*packet).destination, kMulticast);
}

TEST_F(FrameAddressTest, OtherhostIsLostOnL3) {
  EXPECT_EQ(address_for_pod(*frame(kZero, kOther, PacketType::kOtherhost), kOwn, true),
            DropReason::kOtherhost);
}

TEST_F(FrameAddressTest, OtherhostOnL2IsForListenersOnly) {
  const PacketPtr packet = frame(kOther, kOther, PacketType::kOtherhost);
  EXPECT_EQ(address_for_pod(*packet, kOwn, false), DropReason::kNone);
  EXPECT_EQ(header(*packet).destination, kOther);
  EXPECT_EQ(address_for_pod(*frame(kOther, kOwn, PacketType::kOtherhost), kOwn, false),
            DropReason::kOtherhost);
}

TEST_F(FrameAddressTest, AZeroSourceStaysOnL2) {
  const PacketPtr packet = frame(kZero, kOwn);
  EXPECT_EQ(address_for_pod(*packet, kOwn, false), DropReason::kNone);
  EXPECT_EQ(header(*packet).source, kZero);
}

}  // namespace
}  // namespace netkit::host
