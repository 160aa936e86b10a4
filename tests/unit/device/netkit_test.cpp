// Netkit devices as their namespaces see them: creation, carrier, headroom, moves, deletion
// (docs/spec/netkit-device.md 2.3 to 3, 5, 6).
#include "device/netkit.h"

#include <gtest/gtest.h>

#include "device/link.h"
#include "fixture.h"

namespace netkit::device {
namespace {

class NetkitTest : public DeviceTest {
 protected:
  void set_up(Device& device, bool up) {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(device.set_up(rtnl, up));
  }
};

// ---- creation ----

TEST_F(NetkitTest, BothEndsAreDownWithoutCarrierProgramsAndCounts) {
  create(pair_spec(NetkitMode::kL3), false);
  for (const auto& end : {primary_, peer_}) {
    EXPECT_FALSE(end->is_up());
    EXPECT_FALSE(end->carrier());
    EXPECT_EQ(end->stats(), LinkStats{});
    EXPECT_EQ(end->programs.read(), nullptr);
    const Rtnl rtnl = network_.lock();
    EXPECT_EQ(end->programs.reported_revision(rtnl), 1U);
  }
  EXPECT_EQ(primary_->other(), peer_.get());
  EXPECT_EQ(peer_->other(), primary_.get());
}

TEST_F(NetkitTest, FixedPropertiesAreThoseOfTheKernel) {
  create(pair_spec(NetkitMode::kL3), false);
  EXPECT_EQ(primary_->flags(), std::uint32_t{kBroadcast | kMulticast | kNoArp});
  EXPECT_TRUE(primary_->mac().is_zero());
  EXPECT_EQ(primary_->broadcast(), kBroadcastMac);
  EXPECT_EQ(primary_->mtu(), 1500U);
  EXPECT_EQ(primary_->settings().min_mtu, 68U);
  EXPECT_EQ(primary_->settings().max_mtu, 65535U);
  EXPECT_EQ(primary_->settings().tx_queue_len, 1000U);
  EXPECT_EQ(primary_->settings().tso_max_size, 524'280U);
  EXPECT_EQ(primary_->settings().gso_max_size, 65536U);
  EXPECT_EQ(primary_->gso_max_segs(), 65535U);
  EXPECT_TRUE(primary_->queueless());
  EXPECT_TRUE(primary_->movable());
}

TEST_F(NetkitTest, L2HasArpAndARandomLocalAddress) {
  NetkitSpec spec = pair_spec(NetkitMode::kL2);
  spec.primary.generic.mac = spec.peer.generic.mac = {};
  create(spec, false);
  for (const auto& end : {primary_, peer_}) {
    EXPECT_EQ(end->flags() & kNoArp, 0U);
    EXPECT_FALSE(end->mac().is_zero());
    EXPECT_EQ(end->mac().bytes[0] & 3, 2);  // locally administered, unicast
  }
  EXPECT_NE(primary_->mac(), peer_->mac());
}

TEST_F(NetkitTest, ThePeerIsNumberedAndNamedFirst) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3, true);
  spec.primary.name = spec.peer.name = kNetkitNameTemplate;
  create(spec, false);
  EXPECT_EQ(peer_->name(), "nk0");
  EXPECT_EQ(primary_->name(), "nk1");
  EXPECT_LT(peer_->ifindex(), primary_->ifindex());
}

TEST_F(NetkitTest, APrimaryThatCannotBeRegisteredLeavesNoPeerBehind) {
  create(pair_spec(NetkitMode::kL3), false);
  NetkitSpec clash = pair_spec(NetkitMode::kL3);
  clash.peer.name = "other";
  const Rtnl rtnl = network_.lock();
  EXPECT_EQ(create_netkit(rtnl, network_, clash).error().code, EEXIST);
  EXPECT_EQ(pod_->find(rtnl, "other"), nullptr);
}

TEST_F(NetkitTest, TheNumberThatThePeerJustReceivedIsBusyForThePrimary) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3, true);
  spec.primary.ifindex = 2;  // what the peer gets
  const Rtnl rtnl = network_.lock();
  EXPECT_EQ(create_netkit(rtnl, network_, spec).error().code, EBUSY);
  EXPECT_EQ(host_->devices(rtnl).size(), 1U);  // lo
}

TEST_F(NetkitTest, CreationIsAnnouncedForEachEnd) {
  std::vector<std::string> announced;
  const Subscription subscription = network_.subscribe([&](const Event& event) {
    if (event.kind == EventKind::kNewLink) announced.push_back(event.name);
  });
  create(pair_spec(NetkitMode::kL3), false);
  EXPECT_EQ(announced.front(), "nk1");
  EXPECT_NE(std::ranges::find(announced, "nk0"), announced.end());
}

// ---- carrier ----

TEST_F(NetkitTest, CarrierIsThereForBothOnlyWhileBothAreUp) {
  create(pair_spec(NetkitMode::kL3), false);
  const auto carriers = [&] { return std::pair(primary_->carrier(), peer_->carrier()); };
  set_up(*primary_, true);
  EXPECT_EQ(carriers(), std::pair(false, false));
  set_up(*peer_, true);
  EXPECT_EQ(carriers(), std::pair(true, true));
  set_up(*primary_, false);
  EXPECT_EQ(carriers(), std::pair(false, false));
  set_up(*primary_, true);
  EXPECT_EQ(carriers(), std::pair(true, true));
}

TEST_F(NetkitTest, ASingleDeviceHasCarrierWhileItIsUp) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3);
  spec.pairing = NetkitPairing::kSingle;
  create(spec);
  EXPECT_TRUE(primary_->carrier());
  EXPECT_EQ(primary_->link_device(), nullptr);
  EXPECT_EQ(primary_->peer(), nullptr);
  set_up(*primary_, false);
  EXPECT_FALSE(primary_->carrier());
}

TEST_F(NetkitTest, AnEndWhoseOtherHasGoneCannotBeOpened) {
  create(pair_spec(NetkitMode::kL3), false);
  const Rtnl rtnl = network_.lock();
  ASSERT_TRUE(network_.delete_device(rtnl, *primary_));
  EXPECT_EQ(peer_->set_up(rtnl, true).error().code, ENOTCONN);
}

TEST_F(NetkitTest, OperationalStateTellsWhereTheCarrierIsMissing) {
  create(pair_spec(NetkitMode::kL3, true), false);
  EXPECT_EQ(primary_->operstate(), OperState::kDown);
  set_up(*primary_, true);
  EXPECT_EQ(primary_->operstate(), OperState::kLowerLayerDown);
  set_up(*peer_, true);
  EXPECT_EQ(primary_->operstate(), OperState::kUp);
}

TEST_F(NetkitTest, OperationalStateIsDownWhenTheOtherEndIsElsewhere) {
  create(pair_spec(NetkitMode::kL3), false);
  set_up(*primary_, true);
  EXPECT_EQ(primary_->operstate(), OperState::kDown);
}

// ---- headroom ----

TEST_F(NetkitTest, RoomAtCreationGoesToBothEnds) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3);
  spec.headroom = 32;
  spec.tailroom = 8;
  create(spec, false);
  for (const auto& end : {primary_, peer_}) {
    EXPECT_EQ(end->needed_headroom(), 32U);
    EXPECT_EQ(end->needed_tailroom(), 8U);
  }
}

TEST_F(NetkitTest, BothEndsNeedTheLargerOfBothHeadroomWishes) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3);
  spec.tailroom = 8;
  create(spec, false);
  const auto wish = [&](Netkit& end, int headroom) {
    const Rtnl rtnl = network_.lock();
    end.set_rx_headroom(rtnl, headroom);
    return std::pair(primary_->needed_headroom(), peer_->needed_headroom());
  };
  EXPECT_EQ(wish(*primary_, 100), std::pair(100U, 100U));
  EXPECT_EQ(wish(*peer_, 150), std::pair(150U, 150U));
  EXPECT_EQ(wish(*peer_, 20), std::pair(100U, 100U));
  EXPECT_EQ(wish(*primary_, -1), std::pair(64U, 64U));  // back to the default packet pad
  EXPECT_EQ(primary_->needed_tailroom(), 8U);
}

TEST_F(NetkitTest, ADeviceWithoutOtherEndTakesItsOwnWish) {
  NetkitSpec spec = pair_spec(NetkitMode::kL3);
  spec.pairing = NetkitPairing::kSingle;
  create(spec, false);
  const Rtnl rtnl = network_.lock();
  primary_->set_rx_headroom(rtnl, 96);
  EXPECT_EQ(primary_->needed_headroom(), 96U);
  primary_->set_rx_headroom(rtnl, -5);
  EXPECT_EQ(primary_->needed_headroom(), 64U);
}

// ---- addresses ----

TEST_F(NetkitTest, AnL2AddressChangesAlsoWhileUpAndAnL3AddressNever) {
  create(pair_spec(NetkitMode::kL2));
  {
    const Rtnl rtnl = network_.lock();
    EXPECT_TRUE(primary_->set_mac(rtnl, kStrangerMac));
    EXPECT_EQ(primary_->set_mac(rtnl, MacAddress{}).error().code, EADDRNOTAVAIL);
    EXPECT_EQ(primary_->set_mac(rtnl, kBroadcastMac).error().code, EADDRNOTAVAIL);
    EXPECT_EQ(primary_->mac(), kStrangerMac);
  }
  NetkitSpec l3 = pair_spec(NetkitMode::kL3);
  l3.primary.name = "a";
  l3.peer.name = "b";
  const Rtnl rtnl = network_.lock();
  const auto device = create_netkit(rtnl, network_, l3).value();
  EXPECT_EQ(device->set_mac(rtnl, kStrangerMac).error().code, EOPNOTSUPP);
  EXPECT_TRUE(device->set_mac(rtnl, MacAddress{}));  // the address that it has
}

// ---- moves ----

TEST_F(NetkitTest, AMoveSetsTheDeviceDownAndKeepsProgramsOrderRevisionAndLinks) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef first = returning(-1);
  const bpf::ProgramRef second = returning(0);
  attach(primary_->programs, first);
  attach(primary_->tcx_ingress, second);
  LinkRef link;
  {
    const Rtnl rtnl = network_.lock();
    const AttachPoint point{primary_.get(), &primary_->programs, bpf::AttachType::kNetkitPrimary};
    link = Link::create(rtnl, network_, point, {.program = second}).value();
    const std::uint64_t revision = primary_->programs.reported_revision(rtnl);
    ASSERT_TRUE(network_.move_device(rtnl, *primary_, *pod_, "moved"));
    EXPECT_FALSE(primary_->is_up());
    EXPECT_FALSE(primary_->carrier());
    EXPECT_TRUE(peer_->is_up());
    EXPECT_FALSE(peer_->carrier());
    EXPECT_EQ(primary_->netns(), pod_.get());
    EXPECT_EQ(primary_->programs.reported_revision(rtnl), revision);
    const ProgramList::Snapshot& list = primary_->programs.entries(rtnl);
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].program, first);
    EXPECT_EQ(list[1].owner, link.get());
    EXPECT_EQ(link->device(rtnl), primary_.get());
    EXPECT_NE(primary_->tcx_ingress.read(), nullptr);
    ASSERT_TRUE(primary_->set_up(rtnl, true));
  }
  EXPECT_NE(deliver(packet()), nullptr);
  EXPECT_EQ(first->counters[0].runs.get(), 1U);
}

TEST_F(NetkitTest, AMoveKeepsAFreeNumberAndNeedsAFreeName) {
  create(pair_spec(NetkitMode::kL3), false);
  const Rtnl rtnl = network_.lock();
  NetkitSpec other = pair_spec(NetkitMode::kL3);
  other.primary.name = "nk9";
  other.peer.name = "nk0";  // in pod
  const auto second = create_netkit(rtnl, network_, other).value();
  EXPECT_EQ(network_.move_device(rtnl, *primary_, *pod_).error().code, EEXIST);
  EXPECT_EQ(primary_->netns(), host_.get());
  EXPECT_TRUE(network_.move_device(rtnl, *primary_, *pod_, "free"));
  EXPECT_EQ(primary_->name(), "free");
  // Its number, 2, was taken there by the first pair's peer.
  EXPECT_NE(primary_->ifindex(), peer_->ifindex());
}

// ---- deletion ----

TEST_F(NetkitTest, DeletingEitherEndTakesBothAndOrphansLinks) {
  for (const bool from_peer : {false, true}) {
    create(pair_spec(NetkitMode::kL2));
    const bpf::ProgramRef attached = returning(0);
    LinkRef link;
    {
      const Rtnl rtnl = network_.lock();
      const AttachPoint point{primary_.get(), &primary_->programs, bpf::AttachType::kNetkitPrimary};
      link = Link::create(rtnl, network_, point, {.program = attached}).value();
      ASSERT_TRUE(network_.delete_device(rtnl, from_peer ? static_cast<Device&>(*peer_) : *primary_));
      EXPECT_EQ(host_->find(rtnl, "nk0"), nullptr);
      EXPECT_EQ(pod_->find(rtnl, "nk1"), nullptr);
      EXPECT_FALSE(primary_->carrier());
      EXPECT_EQ(primary_->programs.read(), nullptr);
      EXPECT_EQ(link->device(rtnl), nullptr);
      EXPECT_EQ(link->program(rtnl), attached);
    }
    EXPECT_EQ(LinkTable::instance().find(link->id()), link);
  }
}

TEST_F(NetkitTest, DeletingANamespaceTakesTheEndsInOtherNamespacesToo) {
  create(pair_spec(NetkitMode::kL2));
  const Rtnl rtnl = network_.lock();
  network_.remove_namespace(rtnl, *pod_);
  EXPECT_EQ(host_->find(rtnl, "nk0"), nullptr);
  EXPECT_FALSE(primary_->registered());
}

TEST_F(NetkitTest, AProgramAttachedWithoutLinkIsFreedWithTheDevice) {
  create(pair_spec(NetkitMode::kL2));
  std::uint32_t id = 0;
  {
    const bpf::ProgramRef attached = returning(0);
    id = attached->id;
    attach(primary_->programs, attached);
  }
  rcu::drain();
  EXPECT_NE(bpf::ProgramTable::instance().find(id), nullptr);
  {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.delete_device(rtnl, *primary_));
  }
  rcu::drain();
  EXPECT_EQ(bpf::ProgramTable::instance().find(id), nullptr);
}

}  // namespace
}  // namespace netkit::device
