// Creating netkit devices: every row of the error table, and which error wins (docs/spec/netkit-device.md 2).
#include <gtest/gtest.h>

#include "fixture.h"

namespace netkit::control {
namespace {

const Bytes kGoodMac{0x02, 0, 0, 0, 0, 1};
const Bytes kGroupMac{0x01, 0, 0x5e, 0, 0, 1};
const Bytes kZeroMac(6, 0);
const Bytes kShortMac{0x02, 0, 0, 0, 1};
constexpr std::string_view kPolicyRefused = "Provided default xmit policy not supported";
constexpr std::string_view kInvalid = "Attribute failed policy validation";
constexpr std::string_view kOutOfRange = "integer out of range";

struct Refusal {
  std::string name;
  Order order;
  int code;
  std::string_view text = "";
};

std::vector<Refusal> refusals() {
  std::vector<Refusal> all;
  const auto add = [&all](std::string name, int code, std::string_view text = "") -> Order& {
    all.push_back({std::move(name), {}, code, text});
    return all.back().order;
  };
  const Bytes one_byte{1};

  // ---- P: attribute policy ----
  add("PrimaryIsReadOnly", EINVAL, "Primary attribute is read-only").data.u8(kNetkitPrimary, 1);
  add("ModeOutOfRange", ERANGE, kOutOfRange).data.u32(kNetkitMode, 2);
  add("ScrubOutOfRange", ERANGE, kOutOfRange).data.u32(kNetkitScrub, 2);
  add("PeerScrubOutOfRange", ERANGE, kOutOfRange).data.u32(kNetkitPeerScrub, 2);
  add("PairingOutOfRange", ERANGE, kOutOfRange).data.u32(kNetkitPairing, 2);
  add("PolicyTooShort", ERANGE, kInvalid).data.bytes(kNetkitPolicy, one_byte);
  add("HeadroomTooShort", ERANGE, kInvalid).data.bytes(kNetkitHeadroom, one_byte);
  add("PeerInfoTooShort", ERANGE, kInvalid).data.bytes(kNetkitPeerInfo, Bytes(15));
  add("NameTooLong", ERANGE, kInvalid).generic.text(kIflaIfname, "sixteen-letters-");
  // ---- V: validation ----
  add("AddressTooShort", EINVAL).generic.bytes(kIflaAddress, kShortMac);
  add("AddressZero", EADDRNOTAVAIL).generic.bytes(kIflaAddress, kZeroMac);
  add("AddressOfAGroup", EADDRNOTAVAIL).generic.bytes(kIflaAddress, kGroupMac);
  add("PeerAddressTooShort", EINVAL).peer(AttributeWriter().bytes(kIflaAddress, kShortMac));
  add("PeerAddressZero", EADDRNOTAVAIL).peer(AttributeWriter().bytes(kIflaAddress, kZeroMac));
  add("PeerAddressOfAGroup", EADDRNOTAVAIL).peer(AttributeWriter().bytes(kIflaAddress, kGroupMac));
  add("NegativeNumber", EINVAL, "ifindex can't be negative").header.index = -1;
  IfInfo negative;
  negative.index = -1;
  add("NegativePeerNumber", EINVAL, "ifindex can't be negative").peer({}, negative);
  add("TwoNamespaces", EINVAL, "multiple netns identifying attributes specified")
      .generic.u32(kIflaNetNsFd, 3)
      .u32(kIflaNetNsPid, 1);
  // ---- G: generic creation ----
  add("NoTransmitQueue", EINVAL, "Invalid number of transmit queues").generic.u32(kIflaNumTxQueues, 0);
  add("TooManyTransmitQueues", EINVAL, "Invalid number of transmit queues")
      .generic.u32(kIflaNumTxQueues, 4097);
  add("NoReceiveQueue", EINVAL, "Invalid number of receive queues").generic.u32(kIflaNumRxQueues, 0);
  add("TooManyReceiveQueues", EINVAL, "Invalid number of receive queues").generic.u32(kIflaNumRxQueues, 4097);
  add("TwoTransmitQueues", EOPNOTSUPP).generic.u32(kIflaNumTxQueues, 2);
  add("MoreReceiveQueuesThanTheDriverHas", EOPNOTSUPP).generic.u32(kIflaNumRxQueues, 1025);
  add("MtuTooSmall", EINVAL, "mtu less than device minimum").generic.u32(kIflaMtu, 67);
  add("MtuTooLarge", EINVAL, "mtu greater than device maximum").generic.u32(kIflaMtu, 65536);
  add("MtuNegative", EINVAL, "mtu less than device minimum").generic.u32(kIflaMtu, 0x8000'0000);
  add("GsoSizeTooLarge", EINVAL, "too big gso_max_size").generic.u32(kIflaGsoMaxSize, 524'281);
  add("GsoSizeTooSmall", ERANGE, kOutOfRange).generic.u32(kIflaGsoMaxSize, 320);
  add("GsoIpv4SizeTooLarge", EINVAL, "too big gso_ipv4_max_size").generic.u32(kIflaGsoIpv4MaxSize, 524'281);
  add("GroSizeTooLarge", EINVAL, "too big gro_max_size").generic.u32(kIflaGroMaxSize, 524'281);
  add("GroIpv4SizeTooLarge", EINVAL, "too big gro_ipv4_max_size").generic.u32(kIflaGroIpv4MaxSize, 524'281);
  add("GsoSegmentsTooMany", EINVAL, "too big gso_max_segs").generic.u32(kIflaGsoMaxSegs, 65536);
  add("BroadcastTooShort", EINVAL).generic.bytes(kIflaBroadcast, kShortMac);
  add("MapGiven", EOPNOTSUPP).generic.bytes(kIflaMap, Bytes(28));
  add("UnknownKind", EOPNOTSUPP, "Unknown device type").kind = "netkitten";
  for (const char* illegal : {"", ".", "..", "all", "default", "a/b", "a:b", "a b", "a%s", "a%d%d"}) {
    add("IllegalName" + std::to_string(all.size()), EINVAL).generic.text(kIflaIfname, illegal);
  }
  add("NameOfLo", EEXIST).generic.text(kIflaIfname, "lo");
  add("PeerNameTaken", EEXIST).peer(name("lo"));
  add("PeerNameAsOwn", EEXIST).peer(name("same")).generic.text(kIflaIfname, "same");
  // ---- D: the driver ----
  for (const std::uint32_t policy : {1U, 3U, 7U, 0xffff'ffffU}) {
    add("Policy" + std::to_string(policy), EINVAL, kPolicyRefused).data.u32(kNetkitPolicy, policy);
    add("PeerPolicy" + std::to_string(policy), EINVAL, kPolicyRefused).data.u32(kNetkitPeerPolicy, policy);
  }
  add("L3WithAddress", EOPNOTSUPP).generic.bytes(kIflaAddress, kGoodMac);
  add("L3WithPeerAddress", EOPNOTSUPP).peer(AttributeWriter().bytes(kIflaAddress, kGoodMac));
  add("SingleWithPeerInfo", EOPNOTSUPP).peer({}).data.u32(kNetkitPairing, 1);
  add("SingleWithPeerScrub", EOPNOTSUPP).data.u32(kNetkitPairing, 1).u32(kNetkitPeerScrub, 1);
  add("SingleWithPeerPolicy", EOPNOTSUPP).data.u32(kNetkitPairing, 1).u32(kNetkitPeerPolicy, 0);
  add("SingleWithScrub", EOPNOTSUPP).data.u32(kNetkitPairing, 1).u32(kNetkitScrub, 1);
  add("SingleWithPolicyDrop", EOPNOTSUPP).data.u32(kNetkitPairing, 1).u32(kNetkitPolicy, 2);
  // ---- which of two errors wins ----
  add("PolicyOfAttributesBeforeAddress", ERANGE, kOutOfRange).data.u32(kNetkitMode, 2);
  all.back().order.generic.bytes(kIflaAddress, kZeroMac);
  add("OwnAddressBeforePeerNumber", EADDRNOTAVAIL).peer({}, negative).generic.bytes(kIflaAddress, kZeroMac);
  add("PeerAddressBeforeOwnNumber", EADDRNOTAVAIL)
      .peer(AttributeWriter().bytes(kIflaAddress, kZeroMac))
      .header.index = -1;
  add("AddressBeforeUnknownMap", EADDRNOTAVAIL)
      .generic.bytes(kIflaAddress, kZeroMac)
      .bytes(kIflaMap, Bytes(28));
  add("MapBeforeKind", EOPNOTSUPP).generic.bytes(kIflaMap, Bytes(28));
  all.back().order.kind = "netkitten";
  add("QueuesBeforePolicy", EINVAL, "Invalid number of transmit queues").data.u32(kNetkitPolicy, 1);
  all.back().order.generic.u32(kIflaNumTxQueues, 0);
  add("MtuBeforePolicy", EINVAL, "mtu less than device minimum").data.u32(kNetkitPolicy, 1);
  all.back().order.generic.u32(kIflaMtu, 1);
  add("PolicyBeforeL3Address", EINVAL, kPolicyRefused).data.u32(kNetkitPolicy, 1);
  all.back().order.generic.bytes(kIflaAddress, kGoodMac);
  add("PeerPolicyBeforeSingle", EINVAL, kPolicyRefused).data.u32(kNetkitPairing, 1).u32(kNetkitPeerPolicy, 1);
  add("L3AddressBeforeName", EOPNOTSUPP).generic.bytes(kIflaAddress, kGoodMac).text(kIflaIfname, "a b");
  return all;
}

class RefusalTest : public ControlTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(RefusalTest, IsAnsweredAsByTheKernelAndLeavesNothingBehind) {
  expect_error(create(GetParam().order), GetParam().code, GetParam().text);
  EXPECT_EQ(devices_in(host_), 1U);  // lo
  EXPECT_EQ(devices_in(pod_), 1U);
}

INSTANTIATE_TEST_SUITE_P(ErrorTable, RefusalTest, ::testing::ValuesIn(refusals()),
                         [](const auto& row) { return row.param.name; });

using CreateTest = ControlTest;

TEST_F(CreateTest, LongerPayloadsAndUnknownAttributesAreAccepted) {
  Order order;
  order.data.bytes(kNetkitPolicy, Bytes{2, 0, 0, 0, 9, 9, 9, 9}).u32(99, 1);
  order.generic.text(kIflaIfname, "nk5");
  ASSERT_TRUE(create(order));
  EXPECT_EQ(show("nk5")->netkit->policy, device::NetkitPolicy::kDrop);
}

TEST_F(CreateTest, NobodyWithoutCapabilityCreatesAnything) {
  client_ = std::make_unique<Client>(system_, host_, Credentials{.uid = 1000, .privileged = false});
  expect_error(create({}), EPERM);
}

TEST_F(CreateTest, AnExistingNameOrNumberTurnsTheRequestIntoAChange) {
  create_pair();
  Order order;
  order.generic.text(kIflaIfname, "nk0");
  expect_error(create(order), EEXIST);
  order.flags = kCreate | kReplaceLink;
  expect_error(create(order), EOPNOTSUPP);
  Order numbered;
  numbered.header.index = static_cast<std::int32_t>(number_of("nk0"));
  expect_error(create(numbered), EEXIST);
}

TEST_F(CreateTest, ANumberThatIsTakenIsBusyForThePeer) {
  Order order;
  order.header.index = 20;
  IfInfo of_peer;
  of_peer.index = 1;  // lo
  expect_error(create(order.peer({}, of_peer)), EBUSY);
}

TEST_F(CreateTest, TheSameNumberForBothEndsIsBusy) {
  Order order;
  order.header.index = 20;
  IfInfo of_peer;
  of_peer.index = 20;
  expect_error(create(order.peer({}, of_peer)), EBUSY);
  EXPECT_EQ(devices_in(host_), 1U);
}

TEST_F(CreateTest, ThePeersNumberCountsOnlyIfThePrimaryHasOneToo) {
  IfInfo of_peer;
  of_peer.index = 30;
  ASSERT_TRUE(create(Order{}.peer(name("p"), of_peer)));
  EXPECT_EQ(number_of("p"), 2U);
}

TEST_F(CreateTest, WithoutNamesThePeerIsNk0AndThePrimaryNk1) {
  ASSERT_TRUE(create({}));
  EXPECT_FALSE(show("nk0")->netkit->primary);
  EXPECT_TRUE(show("nk1")->netkit->primary);
  EXPECT_LT(number_of("nk0"), number_of("nk1"));
}

TEST_F(CreateTest, TemplatesInGivenNamesAreExpanded) {
  Order order;
  order.generic.text(kIflaIfname, "a%d");
  ASSERT_TRUE(create(order.peer(name("a%d"))));
  EXPECT_NE(number_of("a0"), 0U);
  EXPECT_NE(number_of("a1"), 0U);
}

TEST_F(CreateTest, ThePeerStaysInTheRequestersNamespaceUnlessItsPartNamesAnother) {
  Order order;
  order.generic.text(kIflaIfname, "nk0").u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_));
  ASSERT_TRUE(create(order.peer(name("nk1"))));
  EXPECT_EQ(show("nk1")->link->netns, "pod");
}

TEST_F(CreateTest, WithoutPeerInfoTheNamespaceOfTheRequestIsForBoth) {
  Order order;
  order.generic.u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_));
  ASSERT_TRUE(create(order));
  EXPECT_EQ(devices_in(host_), 1U);
  EXPECT_EQ(devices_in(pod_), 3U);
}

TEST_F(CreateTest, ATargetNamespaceIdMovesThePrimaryAlone) {
  Order order;
  order.generic.text(kIflaIfname, "nk7").u32(kIflaTargetNetnsid, static_cast<std::uint32_t>(pod_->cookie()));
  ASSERT_TRUE(create(order));
  EXPECT_EQ(devices_in(host_), 2U);
  EXPECT_EQ(devices_in(pod_), 2U);
}

TEST_F(CreateTest, ALinkNamespaceIsThePeersPlace) {
  Order order;
  order.generic.u32(kIflaLinkNetnsid, static_cast<std::uint32_t>(pod_->cookie()));
  ASSERT_TRUE(create(order));
  EXPECT_EQ(devices_in(host_), 2U);
  EXPECT_EQ(devices_in(pod_), 2U);
  Order unknown;
  unknown.generic.u32(kIflaLinkNetnsid, 12'345);
  expect_error(create(unknown), EINVAL, "Unknown network namespace id");
}

TEST_F(CreateTest, WithoutPeerInfoThePeerHasTheAttributesOfTheRequestButNameAndAddress) {
  Order order;
  order.data.u32(kNetkitMode, 0);
  order.generic.text(kIflaIfname, "own")
      .bytes(kIflaAddress, kGoodMac)
      .u32(kIflaMtu, 1400)
      .u32(kIflaTxqlen, 10)
      .u32(kIflaGroup, 5)
      .u32(kIflaGsoMaxSize, 100'000);
  ASSERT_TRUE(create(order));
  const LinkReport own = show("own").value();
  const LinkReport peer = show("nk0").value();
  EXPECT_EQ(peer.mtu, 1400U);
  EXPECT_EQ(peer.tx_queue_len, 10U);
  EXPECT_EQ(peer.group, 5U);
  EXPECT_EQ(peer.gso_max_size, 100'000U);
  EXPECT_NE(peer.mac, own.mac);
}

TEST_F(CreateTest, WithPeerInfoThePeerHasOnlyWhatThatCarriesAndIsDown) {
  Order order;
  order.generic.text(kIflaIfname, "own").u32(kIflaMtu, 1400);
  IfInfo of_peer;
  of_peer.flags = of_peer.change = device::kUp;
  ASSERT_TRUE(create(order.peer(name("other"), of_peer)));
  const LinkReport peer = show("other").value();
  EXPECT_EQ(peer.mtu, 1500U);
  EXPECT_EQ(peer.flags & device::kUp, 0U);
  EXPECT_EQ(peer.tso_max_size, 524'280U);
}

TEST_F(CreateTest, ASingleDeviceTakesModePolicyPassRoomAddressAndReceiveQueues) {
  Order order;
  order.data.u32(kNetkitPairing, 1)
      .u32(kNetkitMode, 0)
      .u32(kNetkitPolicy, 0)
      .u16(kNetkitHeadroom, 32)
      .u16(kNetkitTailroom, 8);
  order.generic.text(kIflaIfname, "one").bytes(kIflaAddress, kGoodMac).u32(kIflaNumRxQueues, 1024);
  ASSERT_TRUE(create(order));
  EXPECT_EQ(devices_in(host_), 2U);
  EXPECT_EQ(show("one")->num_rx_queues, 1024U);
}

TEST_F(CreateTest, ThePrimaryCanBeCreatedUp) {
  Order order;
  order.generic.text(kIflaIfname, "nk9");
  order.header.flags = order.header.change = device::kUp;
  ASSERT_TRUE(create(order));
  EXPECT_NE(show("nk9")->flags & device::kUp, 0U);
  EXPECT_FALSE(show("nk9")->carrier);
}

// ---- BIG TCP limits ----

TEST_F(CreateTest, SuperPacketLimitsUpTo64KiBAreCopiedToIpv4) {
  create_pair();
  const auto set = [&](LinkAttribute attribute, std::uint32_t value) {
    LinkRequest request;
    request.header.index = static_cast<std::int32_t>(number_of("nk0"));
    request.attributes.u32(attribute, value);
    return set_link(*client_, request);
  };
  ASSERT_TRUE(set(kIflaGsoMaxSize, 524'280));
  EXPECT_EQ(show("nk0")->gso_ipv4_max_size, 65536U);
  ASSERT_TRUE(set(kIflaGsoMaxSize, 40'000));
  EXPECT_EQ(show("nk0")->gso_ipv4_max_size, 40'000U);
  ASSERT_TRUE(set(kIflaGsoIpv4MaxSize, 524'280));
  EXPECT_EQ(show("nk0")->gso_max_size, 40'000U);
  ASSERT_TRUE(set(kIflaGroMaxSize, 30'000));
  EXPECT_EQ(show("nk0")->gro_ipv4_max_size, 30'000U);
  ASSERT_TRUE(set(kIflaGroMaxSize, 524'280));
  EXPECT_EQ(show("nk0")->gro_ipv4_max_size, 30'000U);
  expect_error(set(kIflaGsoMaxSize, 524'281), EINVAL, "too big gso_max_size");
}

}  // namespace
}  // namespace netkit::control
