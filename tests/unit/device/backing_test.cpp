// What devices of mirrored namespaces ask of the interfaces behind them, and in which order: our checks, the
// kernel's, then the truth.
#include "device/backing.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rcu.h"
#include "device/namespace.h"
#include "device/netkit_create.h"

namespace netkit::device {
namespace {

// A kernel that writes down what it is asked, takes everything unless told otherwise, and may change other
// things on the way.
class FakeKernel final : public Backing {
 public:
  void catch_up(const Rtnl& rtnl) override {
    ++catch_ups;
    if (happened) std::exchange(happened, nullptr)(rtnl);
  }
  Result<InterfacePlace> make(const Rtnl& rtnl, const Device&, Namespace& netns, std::string_view name,
                              IfIndex ifindex) override {
    asked.push_back("make " + std::string(name));
    if (refusal != 0) return fail(std::exchange(refusal, 0), "refused");
    return InterfacePlace{std::string(name), ifindex != 0 ? ifindex : netns.allocate_index(rtnl) + 10};
  }
  void attach(const Rtnl&, const DeviceRef& device) override { asked.push_back("attach " + device->name()); }
  Result<> change(const Rtnl& rtnl, Device& device, const InterfaceChange& change) override {
    asked.push_back("change " + device.name());
    if (refusal != 0) return fail(std::exchange(refusal, 0), "refused");
    return device.adopt(rtnl, change);
  }
  Result<InterfacePlace> move(const Rtnl&, Device& device, Namespace&, std::string_view name) override {
    asked.push_back("move " + device.name() + " to " + std::string(name));
    if (refusal != 0) return fail(std::exchange(refusal, 0), "refused");
    return InterfacePlace{std::string(name), 40};
  }
  void remove(const Rtnl&, Device& device) override { asked.push_back("remove " + device.name()); }

  std::vector<std::string> asked;
  int refusal = 0;  // of the next request
  int catch_ups = 0;
  std::function<void(const Rtnl&)> happened;  // once, when it is caught up with
};

class BackingTest : public ::testing::Test {
 protected:
  BackingTest() {
    const Rtnl rtnl = network_.lock();
    pod_ = network_.add_namespace(rtnl, "pod", true).value();
    other_ = network_.add_namespace(rtnl, "other", true).value();
    inside_ = network_.add_namespace(rtnl, "inside").value();
    network_.set_backing(rtnl, &kernel_);
  }
  ~BackingTest() override {
    kernel_.happened = nullptr;
    const Rtnl rtnl = network_.lock();
    network_.set_backing(rtnl, nullptr);
  }
  Result<std::shared_ptr<Netkit>> create(const NamespaceRef& primary, const NamespaceRef& peer) {
    NetkitSpec spec;
    spec.mode = NetkitMode::kL2;
    spec.primary.netns = primary.get();
    spec.primary.name = "nk0";
    spec.peer.netns = peer.get();
    spec.peer.name = "eth0";
    const Rtnl rtnl = network_.lock();
    return create_netkit(rtnl, network_, spec);
  }
  // What the kernel was asked since the last time.
  std::vector<std::string> asked() { return std::exchange(kernel_.asked, {}); }
  using Asked = std::vector<std::string>;

  FakeKernel kernel_;
  Network network_;
  NamespaceRef pod_, other_, inside_;
};

TEST_F(BackingTest, TheInterfaceIsMadeBeforeTheDeviceIsFoundAndNumbersIt) {
  const auto primary = create(pod_, inside_);
  ASSERT_TRUE(primary);
  EXPECT_EQ(asked(), (Asked{"make nk0", "attach nk0"}));
  EXPECT_EQ((*primary)->ifindex(), 12U);          // as the kernel says
  EXPECT_EQ((*primary)->other()->ifindex(), 2U);  // in the process ours
}

TEST_F(BackingTest, WhenTheSecondInterfaceIsRefusedTheFirstGoes) {
  const Rtnl rtnl = network_.lock();
  NetkitSpec spec;
  spec.primary.netns = spec.peer.netns = pod_.get();
  spec.primary.name = "nk0";
  spec.peer.name = "nk0";  // taken by then
  EXPECT_EQ(create_netkit(rtnl, network_, spec).error().code, EEXIST);
  EXPECT_EQ(asked(), (Asked{"make nk0", "attach nk0", "remove nk0"}));
}

TEST_F(BackingTest, WhatWeRefuseTheKernelIsNotAsked) {
  const auto primary = create(pod_, other_).value();
  (void)asked();
  const Rtnl rtnl = network_.lock();
  EXPECT_EQ(primary->set_mtu(rtnl, 60).error().code, EINVAL);
  EXPECT_EQ(primary->set_mac(rtnl, {}).error().code, EADDRNOTAVAIL);
  EXPECT_EQ(network_.rename_device(rtnl, *primary, "a/b").error().code, EINVAL);
  EXPECT_TRUE(primary->set_up(rtnl, false));  // as it is
  EXPECT_EQ(asked(), Asked{});
}

TEST_F(BackingTest, WhatTheKernelRefusesIsNotDone) {
  const auto primary = create(pod_, other_).value();
  const Rtnl rtnl = network_.lock();
  const auto refuse = [&](Result<> result) {
    EXPECT_EQ(result.error().code, EOVERFLOW);
    EXPECT_EQ(result.error().text, "refused");
  };
  const auto next = [&] { return kernel_.refusal = EOVERFLOW; };
  next(), refuse(primary->set_mtu(rtnl, 1400));
  next(), refuse(primary->set_up(rtnl, true));
  next(), refuse(primary->set_flag(rtnl, kPromisc, true));
  next(), refuse(primary->set_alias(rtnl, "alias"));
  next(), refuse(network_.rename_device(rtnl, *primary, "nk1"));
  next(), refuse(network_.move_device(rtnl, *primary, *other_));
  EXPECT_EQ(primary->mtu(), kDefaultMtu);
  EXPECT_EQ(primary->flags() & (kUp | kPromisc), 0U);
  EXPECT_EQ(primary->alias(), "");
  EXPECT_EQ(primary->name(), "nk0");
  EXPECT_EQ(primary->netns(), pod_.get());
}

TEST_F(BackingTest, AMoveGivesTheNumberThatTheKernelGave) {
  const auto primary = create(pod_, other_).value();
  (void)asked();
  const Rtnl rtnl = network_.lock();
  EXPECT_TRUE(network_.move_device(rtnl, *primary, *other_));
  EXPECT_EQ(asked(), Asked{"move nk0 to nk0"});
  EXPECT_EQ(other_->find(rtnl, "nk0").get(), primary.get());
  EXPECT_EQ(primary->ifindex(), 40U);
}

TEST_F(BackingTest, BetweenTheKernelAndTheProcessNothingMoves) {
  const auto primary = create(pod_, inside_).value();
  (void)asked();
  const Rtnl rtnl = network_.lock();
  EXPECT_EQ(network_.move_device(rtnl, *primary, *inside_).error().code, EOPNOTSUPP);
  EXPECT_EQ(network_.move_device(rtnl, *primary->other(), *pod_).error().code, EOPNOTSUPP);
  EXPECT_EQ(asked(), Asked{});
}

TEST_F(BackingTest, DeletingTakesTheInterfacesOfBothEnds) {
  const auto primary = create(pod_, other_).value();
  (void)asked();
  const Rtnl rtnl = network_.lock();
  EXPECT_TRUE(network_.delete_device(rtnl, *primary->other()));
  EXPECT_EQ(asked(), (Asked{"remove eth0", "remove nk0"}));
}

TEST_F(BackingTest, ANamespaceThatGoesTakesTheInterfacesElsewhere) {
  ASSERT_TRUE(create(pod_, other_));
  (void)asked();
  const Rtnl rtnl = network_.lock();
  network_.remove_namespace(rtnl, *other_);
  const Asked gone = asked();
  EXPECT_EQ(std::ranges::count(gone, "remove nk0"), 1);
  EXPECT_EQ(std::ranges::count(gone, "remove eth0"), 1);
}

TEST_F(BackingTest, WhoTakesTheLockSeesWhatHasHappenedUntilThen) {
  const auto primary = create(pod_, other_).value();
  kernel_.happened = [&](const Rtnl& rtnl) { EXPECT_TRUE(primary->adopt(rtnl, {.mtu = 1280})); };
  const int before = kernel_.catch_ups;
  const Rtnl rtnl = network_.lock();
  EXPECT_EQ(kernel_.catch_ups, before + 1);
  EXPECT_EQ(primary->mtu(), 1280U);
}

TEST_F(BackingTest, ForeignInterfacesTakeTheirNamesAndNumbers) {
  const Rtnl rtnl = network_.lock();
  pod_->adopt_foreign(rtnl, 7, "wlan0");
  EXPECT_TRUE(pod_->name_taken(rtnl, "wlan0"));
  EXPECT_TRUE(pod_->has_foreign(rtnl, 7, "wlan0"));
  EXPECT_FALSE(pod_->has_foreign(rtnl, 7, "wlan1"));
  EXPECT_EQ(pod_->allocate_index(rtnl), 8U);
  EXPECT_EQ(pod_->indices(rtnl), (std::vector<IfIndex>{kLoopbackIndex, 7}));
  pod_->forget_foreign(rtnl, 7);
  EXPECT_FALSE(pod_->name_taken(rtnl, "wlan0"));
}

}  // namespace
}  // namespace netkit::device
