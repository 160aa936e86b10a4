// Changing and showing netkit devices, and who may do what (docs/spec/netkit-device.md 4, 7, 10, 11).
#include <gtest/gtest.h>

#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/attach.h"
#include "fixture.h"

namespace netkit::control {
namespace {

using device::NetkitPolicy;
using device::NetkitScrub;

class ChangeTest : public ControlTest {
 protected:
  static Order with(NetkitAttribute attribute, std::uint32_t value) {
    Order order;
    order.data.u32(attribute, value);
    return order;
  }
  void create_single() {
    Order order = with(kNetkitPairing, 1);
    order.generic.text(kIflaIfname, "one");
    ASSERT_TRUE(create(order));
  }
  int load() {
    auto image = std::make_shared<bpf::ProgramImage>();
    image->name = "next";
    image->insns = bpf::assemble("w0 = -1; exit").value();
    image->functions = {{.name = "next", .first = 0, .count = 2}};
    return client_->open(bpf::ProgramTable::instance().publish(bpf::prepare_interpreted(image).value()));
  }
  Result<> attach_at(std::string_view device, bpf::AttachType type) {
    AttachRequest request;
    request.target_ifindex = number_of(device);
    request.prog_fd = load();
    request.attach_type = static_cast<std::uint32_t>(type);
    return attach_program(*client_, request);
  }
};

// ---- order of the checks of a change ----

TEST_F(ChangeTest, AnotherKindsDataIsRefused) {
  create_pair();
  Order order;
  order.kind = "veth";
  expect_error(change("nk0", order), EOPNOTSUPP);
}

TEST_F(ChangeTest, ThePeerRefusesEverythingEvenAnEmptyNest) {
  create_pair();
  client_->enter(pod_);
  constexpr std::string_view kText = "netkit link settings can be changed only through the primary device";
  expect_error(change("nk1", {}), EACCES, kText);
  expect_error(change("nk1", with(kNetkitMode, 1)), EACCES, kText);
  expect_error(change("nk1", with(kNetkitPolicy, 1)), EACCES, kText);
  // What the attribute policy refuses comes first all the same.
  expect_error(change("nk1", with(kNetkitMode, 2)), ERANGE, "integer out of range");
}

TEST_F(ChangeTest, AnEmptyNestChangesNothingOnThePrimary) {
  create_pair();
  EXPECT_TRUE(change("nk0", {}));
}

TEST_F(ChangeTest, FixedAttributesAreRefusedWithTheirPresentValueAndInTheirOrder) {
  create_pair();
  const auto text = [](std::string_view what) {
    return "netkit link " + std::string(what) + " cannot be changed after device creation";
  };
  expect_error(change("nk0", with(kNetkitMode, 1)), EACCES, text("operating mode"));
  expect_error(change("nk0", with(kNetkitScrub, 1)), EACCES, text("scrubbing"));
  expect_error(change("nk0", with(kNetkitPeerScrub, 1)), EACCES, text("peer scrubbing"));
  expect_error(change("nk0", Order{}.peer({})), EACCES, text("peer info"));
  Order room;
  room.data.u16(kNetkitTailroom, 0);
  expect_error(change("nk0", room), EACCES, text("tailroom"));
  room.data.u16(kNetkitHeadroom, 0);
  expect_error(change("nk0", room), EACCES, text("headroom"));
  expect_error(change("nk0", with(kNetkitPairing, 0)), EACCES, text("pairing"));
  // All of them, written in the opposite order: the first of the list is named.
  Order all = with(kNetkitPairing, 0);
  all.data.u32(kNetkitScrub, 1).u32(kNetkitMode, 1);
  expect_error(change("nk0", all), EACCES, text("operating mode"));
}

TEST_F(ChangeTest, AFixedAttributeLeavesThePolicyAlone) {
  create_pair();
  Order order = with(kNetkitPolicy, 2);
  order.data.u16(kNetkitHeadroom, 0);
  EXPECT_FALSE(change("nk0", order));
  EXPECT_EQ(show("nk0")->netkit->policy, NetkitPolicy::kPass);
}

TEST_F(ChangeTest, ABadPeerPolicyComesAfterThePolicyWasApplied) {
  create_pair();
  Order order = with(kNetkitPolicy, 2);
  order.data.u32(kNetkitPeerPolicy, 1);
  expect_error(change("nk0", order), EINVAL, "Provided default xmit policy not supported");
  EXPECT_EQ(show("nk0")->netkit->policy, NetkitPolicy::kDrop);
  EXPECT_EQ(show("nk0")->netkit->peer_policy, NetkitPolicy::kPass);
}

TEST_F(ChangeTest, ASingleDeviceHasNoPoliciesToChange) {
  create_single();
  expect_error(change("one", with(kNetkitPolicy, 0)), EOPNOTSUPP);
  expect_error(change("one", with(kNetkitPeerPolicy, 0)), EOPNOTSUPP);
  EXPECT_TRUE(change("one", {}));
}

TEST_F(ChangeTest, ThePrimaryAttributeIsReadOnlyBeforeEverythingElse) {
  create_pair();
  Order order = with(kNetkitMode, 1);
  order.data.u8(kNetkitPrimary, 1);
  expect_error(change("nk0", order), EINVAL, "Primary attribute is read-only");
}

TEST_F(ChangeTest, GenericAttributesFollowThePoliciesAndGoThroughEitherEnd) {
  create_pair();
  Order order = with(kNetkitPolicy, 2);
  order.generic.u32(kIflaMtu, 9000);
  ASSERT_TRUE(change("nk0", order));
  EXPECT_EQ(show("nk0")->mtu, 9000U);
  client_->enter(pod_);
  LinkRequest request;
  request.header.index = static_cast<std::int32_t>(number_of("nk1"));
  request.attributes.u32(kIflaMtu, 2000);
  ASSERT_TRUE(set_link(*client_, request));
  EXPECT_EQ(show("nk1")->mtu, 2000U);
}

TEST_F(ChangeTest, PoliciesLeaveTheRevisionAlone) {
  create_pair();
  ASSERT_TRUE(attach_at("nk0", bpf::AttachType::kNetkitPrimary));
  ASSERT_TRUE(change("nk0", with(kNetkitPolicy, 2)));
  QueryRequest query;
  query.target_ifindex = number_of("nk0");
  query.attach_type = static_cast<std::uint32_t>(bpf::AttachType::kNetkitPrimary);
  query.room = 4;
  QueryAnswer answer;
  ASSERT_TRUE(query_programs(*client_, query, answer));
  EXPECT_EQ(answer.revision, 2U);
}

// ---- the dump ----

TEST_F(ChangeTest, TheDumpOfEachEndShowsItsOwnPolicyAndScrubFirst) {
  Order order = with(kNetkitPolicy, 2);
  order.data.u32(kNetkitScrub, 0).u16(kNetkitHeadroom, 32).u16(kNetkitTailroom, 8);
  create_pair(order);
  const NetkitReport primary = *show("nk0")->netkit;
  EXPECT_TRUE(primary.primary);
  EXPECT_EQ(primary.policy, NetkitPolicy::kDrop);
  EXPECT_EQ(primary.scrub, NetkitScrub::kNone);
  EXPECT_EQ(primary.peer_policy, NetkitPolicy::kPass);
  EXPECT_EQ(primary.peer_scrub, NetkitScrub::kDefault);
  client_->enter(pod_);
  const NetkitReport peer = *show("nk1")->netkit;
  EXPECT_FALSE(peer.primary);
  EXPECT_EQ(peer.policy, NetkitPolicy::kPass);
  EXPECT_EQ(peer.scrub, NetkitScrub::kDefault);
  EXPECT_EQ(peer.peer_policy, NetkitPolicy::kDrop);
  EXPECT_EQ(peer.peer_scrub, NetkitScrub::kNone);
  EXPECT_EQ(peer.headroom, 32U);
  EXPECT_EQ(peer.tailroom, 8U);
}

TEST_F(ChangeTest, TheDumpShowsPresentRoomAlsoAfterADynamicWish) {
  create_pair();
  {
    const device::Rtnl rtnl = network_.lock();
    host_->find(rtnl, "nk0")->set_rx_headroom(rtnl, 120);
  }
  EXPECT_EQ(show("nk0")->netkit->headroom, 120U);
  EXPECT_EQ(show("nk0")->headroom, 120U);
  client_->enter(pod_);
  EXPECT_EQ(show("nk1")->netkit->headroom, 120U);
}

TEST_F(ChangeTest, ASingleDeviceShowsNeitherScrubNorPeer) {
  create_single();
  const LinkReport report = show("one").value();
  EXPECT_EQ(report.netkit->pairing, device::NetkitPairing::kSingle);
  EXPECT_FALSE(report.netkit->scrub);
  EXPECT_FALSE(report.netkit->peer_policy);
  EXPECT_FALSE(report.netkit->peer_scrub);
  EXPECT_TRUE(report.reports_link);
  EXPECT_FALSE(report.link);
}

TEST_F(ChangeTest, TheOtherEndIsShownWithItsNumberAndNamespace) {
  create_pair();
  const LinkReport report = show("nk0").value();
  ASSERT_TRUE(report.link);
  EXPECT_EQ(report.link->name, "nk1");
  EXPECT_TRUE(report.link->other_namespace);
  client_->enter(pod_);
  EXPECT_EQ(report.link->ifindex, number_of("nk1"));
}

// ---- who may do what ----

TEST_F(ChangeTest, ProgramsAreReachedThroughThePrimaryAlone) {
  create_pair();
  EXPECT_TRUE(attach_at("nk0", bpf::AttachType::kNetkitPrimary));
  EXPECT_TRUE(attach_at("nk0", bpf::AttachType::kNetkitPeer));
  client_->enter(pod_);
  for (const bpf::AttachType type : {bpf::AttachType::kNetkitPrimary, bpf::AttachType::kNetkitPeer}) {
    expect_error(attach_at("nk1", type), EACCES);
    AttachRequest detach;
    detach.target_ifindex = number_of("nk1");
    detach.attach_type = static_cast<std::uint32_t>(type);
    expect_error(detach_program(*client_, detach), EACCES);
    QueryRequest query;
    query.target_ifindex = number_of("nk1");
    query.attach_type = static_cast<std::uint32_t>(type);
    QueryAnswer answer;
    expect_error(query_programs(*client_, query, answer), EACCES);
  }
}

TEST_F(ChangeTest, ASingleDeviceTakesNoPrograms) {
  create_single();
  expect_error(attach_at("one", bpf::AttachType::kNetkitPrimary), EOPNOTSUPP);
  expect_error(attach_at("one", bpf::AttachType::kNetkitPeer), EOPNOTSUPP);
  EXPECT_TRUE(attach_at("one", bpf::AttachType::kTcxIngress));
}

TEST_F(ChangeTest, WhoeverHoldsThePeerCanDeleteThePair) {
  create_pair();
  client_->enter(pod_);
  LinkRequest request;
  request.attributes.text(kIflaIfname, "nk1");
  ASSERT_TRUE(delete_link(*client_, request));
  EXPECT_EQ(devices_in(host_), 1U);
}

}  // namespace
}  // namespace netkit::control
