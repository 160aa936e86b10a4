// Devices in kernel namespaces, by requests: the interface follows the request, the device follows the
// interface, and both go together.
#include <signal.h>

#include <cstdlib>

#include "device/netkit.h"
#include "tests/support/live_engine.h"

namespace netkit::testing {
namespace {

using control::AttributeWriter;
using control::Client;
using control::expect_error;
using control::IfInfo;
using control::name;
using device::NamespaceRef;

class LiveNetworkTest : public LiveEngineTest {
 protected:
  void SetUp() override {
    LiveEngineTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    host_ = make_netns("host");
    pod_ = make_netns("pod");
  }
  void TearDown() override {
    host_.reset();
    pod_.reset();
    LiveEngineTest::TearDown();
  }
  static std::string flags_of(const Json& link) {
    std::string flags;
    for (const Json& flag : link["flags"]) flags += (flags.empty() ? "" : ",") + flag.get<std::string>();
    return flags;
  }
  // What a link is by the answer of the engine and by that of `ip`, in the words of both.
  void expect_alike(const NamespaceRef& netns, std::string_view device) {
    const auto ours = show(netns, device);
    ASSERT_OK(ours);
    const Json theirs = ip_link(netns, device);
    ASSERT_FALSE(theirs.is_null());
    EXPECT_EQ(ours->ifindex, theirs["ifindex"]);
    EXPECT_EQ(ours->mtu, theirs["mtu"]);
    EXPECT_EQ(ours->tx_queue_len, theirs["txqlen"]);
    EXPECT_EQ(ours->alias, theirs.value("ifalias", ""));
    const std::string flags = "," + flags_of(theirs) + ",";
    EXPECT_EQ((ours->flags & device::kUp) != 0, flags.contains(",UP,")) << flags;
    EXPECT_EQ((ours->flags & device::kNoArp) != 0, flags.contains(",NOARP,")) << flags;
    EXPECT_EQ((ours->flags & device::kPromisc) != 0, flags.contains(",PROMISC,")) << flags;
    EXPECT_EQ((ours->flags & device::kAllMulti) != 0, flags.contains(",ALLMULTI,")) << flags;
    if (ours->netkit->mode == device::NetkitMode::kL2) {
      EXPECT_EQ(to_string(ours->mac), theirs.value("address", ""));
    }
    if ((ours->flags & device::kUp) != 0) {
      EXPECT_EQ(ours->carrier, flags.contains(",LOWER_UP,")) << flags;
    }
  }
  static Order l2() {
    Order order;
    order.data.u32(control::kNetkitMode, static_cast<std::uint32_t>(device::NetkitMode::kL2));
    return order;
  }

  NamespaceRef host_;
  NamespaceRef pod_;
};

// ---- creation ----

TEST_F(LiveNetworkTest, APairIsThereForIpAsTheKernelsDriverWouldShowIt) {
  ASSERT_OK(create_pair(host_, pod_));
  for (const auto& [netns, device] : {std::pair(host_, "nk0"), std::pair(pod_, "eth0")}) {
    const Json link = ip_link(netns, device);
    ASSERT_FALSE(link.is_null()) << device;
    EXPECT_EQ(flags_of(link), "BROADCAST,MULTICAST,NOARP");
    EXPECT_EQ(link["mtu"], 1500);
    EXPECT_EQ(link["ifindex"], 2);  // the first after lo
    EXPECT_EQ(link["operstate"], "DOWN");
    EXPECT_EQ(link["txqlen"], 1000);
    expect_alike(netns, device);
  }
}

TEST_F(LiveNetworkTest, InOneNamespaceThePeerIsNumberedFirst) {
  ASSERT_OK(create_pair(host_, host_, {}, "nk%d", "nk%d"));
  EXPECT_EQ(ip_link(host_, "nk0")["ifindex"], 2);
  EXPECT_EQ(ip_link(host_, "nk1")["ifindex"], 3);
  EXPECT_FALSE(show(host_, "nk0")->netkit->primary);
  EXPECT_TRUE(show(host_, "nk1")->netkit->primary);
}

TEST_F(LiveNetworkTest, NumbersRiseAsTheKernelsDo) {
  ASSERT_OK(create_pair(host_, pod_));
  ASSERT_OK(remove(host_, "nk0"));
  ip(host_, "link add other type bridge");
  const std::uint32_t other = ip_link(host_, "other")["ifindex"];
  ASSERT_OK(create_pair(host_, pod_));
  EXPECT_GT(show(host_, "nk0")->ifindex, other);
  EXPECT_EQ(show(pod_, "eth0")->ifindex, 3U);  // 2 was given before
}

TEST_F(LiveNetworkTest, WhatTheRequestSaysTheInterfaceHas) {
  Order order = l2();
  const MacAddress mac = *parse_mac("02:00:00:00:00:77");
  order.header.index = 77;
  order.header.flags = device::kUp;
  order.header.change = device::kUp;
  order.generic.bytes(control::kIflaAddress, mac.bytes)
      .u32(control::kIflaMtu, 9000)
      .u32(control::kIflaTxqlen, 123)
      .u32(control::kIflaGroup, 7)
      .u32(control::kIflaGsoMaxSize, 20'000)
      .u32(control::kIflaNumRxQueues, 2);
  ASSERT_OK(create_pair(host_, pod_, order));
  const Json link = ip_link(host_, "nk0");
  EXPECT_EQ(link["ifindex"], 77);
  EXPECT_EQ(link["address"], "02:00:00:00:00:77");
  EXPECT_EQ(link["mtu"], 9000);
  EXPECT_EQ(link["txqlen"], 123);
  EXPECT_EQ(link["group"], "7");
  EXPECT_EQ(link["gso_max_size"], 20'000);
  EXPECT_EQ(flags_of(link), "NO-CARRIER,BROADCAST,MULTICAST,UP");
  expect_alike(host_, "nk0");
  expect_alike(pod_, "eth0");
}

TEST_F(LiveNetworkTest, ANameThatAForeignInterfaceHasIsTakenUntilItHasGone) {
  ip(host_, "link add nk0 type bridge");
  expect_error(create_pair(host_, pod_), EEXIST);
  EXPECT_TRUE(ip_link(pod_, "eth0").is_null());  // the peer, which was made first, has gone again
  ip(host_, "link del nk0");
  EXPECT_OK(create_pair(host_, pod_));
}

TEST_F(LiveNetworkTest, ATemplateGoesAroundForeignNames) {
  ip(host_, "link add nk0 type bridge");
  ASSERT_OK(create_pair(host_, pod_, {}, "nk%d"));
  EXPECT_FALSE(ip_link(host_, "nk1").is_null());
}

TEST_F(LiveNetworkTest, ANumberThatAForeignInterfaceHasIsBusy) {
  ip(host_, "link add other index 50 type bridge");
  Order order;
  order.header.index = 50;
  expect_error(create_pair(host_, pod_, order), EBUSY);
  EXPECT_TRUE(ip_link(pod_, "eth0").is_null());
}

TEST_F(LiveNetworkTest, AnMtuAboveThatOfATapIsRefusedWithTheLimit) {
  Order order;
  order.generic.u32(control::kIflaMtu, 65'522);
  expect_error(create_pair(host_, pod_, order), EINVAL,
               "an interface in a kernel namespace takes an MTU of at most 65521, not 65522");
  EXPECT_TRUE(ip_link(pod_, "eth0").is_null());
  Order largest;
  largest.generic.u32(control::kIflaMtu, 65'521);
  EXPECT_OK(create_pair(host_, pod_, largest));
}

TEST_F(LiveNetworkTest, OtherKindsAreMadeByIp) {
  Order order;
  order.kind = "veth";
  order.has_data = false;
  order.generic.text(control::kIflaIfname, "v0");
  Client client = client_in(host_);
  expect_error(new_link(client, order.request()), EOPNOTSUPP,
               "in a kernel namespace we make netkit devices only; `ip link add` makes a veth there");
  EXPECT_EQ(run_in(host_, {"ip", "-br", "link"}).output.find("veth"), std::string::npos);
}

TEST_F(LiveNetworkTest, AClientWithoutCapabilityMakesNothing) {
  Client client(system(), host_, {.uid = 1000, .privileged = false});
  Order order;
  order.generic.text(control::kIflaIfname, "nk0");
  expect_error(new_link(client, order.request()), EPERM);
  EXPECT_TRUE(ip_link(host_, "nk0").is_null());
}

TEST_F(LiveNetworkTest, APortCanBeWrapped) {
  std::vector<std::string> wrapped;
  live().wrap_ports([&](const device::Namespace& netns, std::string_view device, std::unique_ptr<Port> port) {
    wrapped.push_back(netns.name() + "/" + std::string(device));
    return Result<std::unique_ptr<Port>>(std::move(port));
  });
  ASSERT_OK(create_pair(host_, pod_));
  EXPECT_EQ(wrapped, (std::vector<std::string>{unique("pod") + "/eth0", unique("host") + "/nk0"}));
  live().wrap_ports([&](const device::Namespace&, std::string_view, std::unique_ptr<Port>) {
    return Result<std::unique_ptr<Port>>(fail(ENOSPC, "no room for it"));
  });
  expect_error(create_pair(host_, pod_, {}, "nk1", "eth1"), ENOSPC, "no room for it");
  EXPECT_TRUE(ip_link(pod_, "eth1").is_null());
}

// ---- changes ----

TEST_F(LiveNetworkTest, UpAndDownGiveAndTakeCarrierAtBothEnds) {
  ASSERT_OK(create_pair(host_, pod_));
  ASSERT_OK(set_up(host_, "nk0"));
  EXPECT_EQ(flags_of(ip_link(host_, "nk0")), "NO-CARRIER,BROADCAST,MULTICAST,NOARP,UP");
  ASSERT_OK(set_up(pod_, "eth0"));
  for (const auto& [netns, device] : {std::pair(host_, "nk0"), std::pair(pod_, "eth0")}) {
    EXPECT_EQ(flags_of(ip_link(netns, device)), "BROADCAST,MULTICAST,NOARP,UP,LOWER_UP");
    EXPECT_TRUE(show(netns, device)->carrier);
  }
  ASSERT_OK(set_up(pod_, "eth0", false));
  EXPECT_EQ(flags_of(ip_link(host_, "nk0")), "NO-CARRIER,BROADCAST,MULTICAST,NOARP,UP");
  EXPECT_EQ(flags_of(ip_link(pod_, "eth0")), "BROADCAST,MULTICAST,NOARP");
}

TEST_F(LiveNetworkTest, EverySettingReachesTheInterface) {
  ASSERT_OK(create_pair(host_, pod_, l2()));
  const MacAddress mac = *parse_mac("02:00:00:00:00:99");
  AttributeWriter settings;
  settings.bytes(control::kIflaAddress, mac.bytes)
      .u32(control::kIflaMtu, 1400)
      .text(control::kIflaIfalias, "the way out")
      .u32(control::kIflaTxqlen, 55)
      .u32(control::kIflaGroup, 9)
      .u32(control::kIflaGsoMaxSize, 30'000)
      .u32(control::kIflaGsoMaxSegs, 20);
  IfInfo flags;
  flags.flags = device::kUp | device::kNoArp | device::kPromisc | device::kAllMulti;
  flags.change = flags.flags | device::kMulticast;
  ASSERT_OK(set(pod_, "eth0", settings, flags));
  const Json link = ip_link(pod_, "eth0");
  EXPECT_EQ(link["address"], "02:00:00:00:00:99");
  EXPECT_EQ(link["mtu"], 1400);
  EXPECT_EQ(link["ifalias"], "the way out");
  EXPECT_EQ(link["txqlen"], 55);
  EXPECT_EQ(link["group"], "9");
  EXPECT_EQ(link["gso_max_size"], 30'000);
  EXPECT_EQ(link["gso_max_segs"], 20);
  EXPECT_EQ(flags_of(link), "NO-CARRIER,BROADCAST,NOARP,ALLMULTI,PROMISC,UP");
  expect_alike(pod_, "eth0");
}

TEST_F(LiveNetworkTest, WhatIpChangesShowsAtOnce) {
  ASSERT_OK(create_pair(host_, pod_, l2()));
  ip(pod_, "link set eth0 address 02:00:00:00:00:42 mtu 1300 alias from-ip txqueuelen 77 promisc on up");
  expect_alike(pod_, "eth0");
  const auto link = show(pod_, "eth0");
  EXPECT_EQ(link->mtu, 1300U);
  EXPECT_EQ(link->alias, "from-ip");
  EXPECT_EQ(link->tx_queue_len, 77U);
  EXPECT_EQ(to_string(link->mac), "02:00:00:00:00:42");
  EXPECT_NE(link->flags & device::kPromisc, 0U);
  ip(pod_, "link set eth0 arp off allmulticast on promisc off down");
  expect_alike(pod_, "eth0");
  ip(pod_, "link set eth0 name net1");
  EXPECT_EQ(show(pod_, "eth0").error().code, ENODEV);
  expect_alike(pod_, "net1");
}

TEST_F(LiveNetworkTest, ARenamedDeviceIsRenamedForIp) {
  ASSERT_OK(create_pair(host_, pod_));
  ASSERT_OK(set_up(pod_, "eth0"));
  ASSERT_OK(set(pod_, "eth0", name("net%d")));
  EXPECT_TRUE(ip_link(pod_, "eth0").is_null());
  expect_alike(pod_, "net0");
  ip(pod_, "link add other type bridge");
  expect_error(set(pod_, "net0", name("other")), EEXIST);
  expect_alike(pod_, "net0");
}

TEST_F(LiveNetworkTest, WhatTheKernelRefusesLeavesTheDeviceAsTheInterfaceIs) {
  ASSERT_OK(create_pair(host_, pod_));
  expect_error(set(pod_, "eth0", AttributeWriter().u32(control::kIflaMtu, 65'535)), EINVAL,
               "mtu greater than device maximum");
  EXPECT_EQ(show(pod_, "eth0")->mtu, 1500U);
  expect_alike(pod_, "eth0");
  // Our own checks are the first: the kernel would take 60 for a TAP's queue length, we nothing for an MTU.
  expect_error(set(pod_, "eth0", AttributeWriter().u32(control::kIflaMtu, 60)), EINVAL,
               "mtu less than device minimum");
  const MacAddress mac = *parse_mac("02:00:00:00:00:99");
  expect_error(set(pod_, "eth0", AttributeWriter().bytes(control::kIflaAddress, mac.bytes)), EOPNOTSUPP);
  expect_alike(pod_, "eth0");
}

TEST_F(LiveNetworkTest, LoIsTheKernels) {
  EXPECT_NE(show(host_, "lo")->flags & device::kUp, 0U);
  EXPECT_EQ(flags_of(ip_link(host_, "lo")), "LOOPBACK,UP,LOWER_UP");
  ip(host_, "link set lo down mtu 3000");
  EXPECT_EQ(show(host_, "lo")->flags & device::kUp, 0U);
  EXPECT_EQ(show(host_, "lo")->mtu, 3000U);
}

// ---- moves ----

TEST_F(LiveNetworkTest, AMoveTakesTheInterfaceAlongAndSetsItDown) {
  ASSERT_OK(create_pair(host_, pod_));
  ASSERT_OK(set_up(pod_, "eth0"));
  const NamespaceRef other = make_netns("other");
  ASSERT_OK(move(pod_, "eth0", other));
  EXPECT_TRUE(ip_link(pod_, "eth0").is_null());
  EXPECT_EQ(show(pod_, "eth0").error().code, ENODEV);
  EXPECT_EQ(flags_of(ip_link(other, "eth0")), "BROADCAST,MULTICAST,NOARP");
  expect_alike(other, "eth0");
  ASSERT_OK(set_up(other, "eth0"));
  ASSERT_OK(set_up(host_, "nk0"));
  EXPECT_TRUE(show(host_, "nk0")->carrier);
  ASSERT_OK(move(other, "eth0", pod_));  // and back
  expect_alike(pod_, "eth0");
}

TEST_F(LiveNetworkTest, AMoveWhereNameAndNumberAreTakenGivesOthers) {
  ASSERT_OK(create_pair(host_, pod_));
  const NamespaceRef other = make_netns("other");
  ip(other, "link add eth0 index 2 type bridge");
  Client client = client_in(pod_);
  AttributeWriter there;
  there.u32(control::kIflaNetNsFd, static_cast<std::uint32_t>(client.open(other)));
  control::LinkRequest request;
  request.header.index = 2;
  request.attributes = there;
  expect_error(set_link(client, request), EEXIST,
               "An interface with the same name exists in the target netns");
  expect_alike(pod_, "eth0");
  ip(other, "link set eth0 name br0");
  ASSERT_OK(move(pod_, "eth0", other));
  EXPECT_NE(show(other, "eth0")->ifindex, 2U);
  expect_alike(other, "eth0");
}

TEST_F(LiveNetworkTest, WhatIpMovesIsFoundInItsNewNamespace) {
  ASSERT_OK(create_pair(host_, pod_));
  const NamespaceRef other = make_netns("other");
  ip(pod_, "link set eth0 netns " + unique("other"));
  EXPECT_EQ(show(pod_, "eth0").error().code, ENODEV);
  expect_alike(other, "eth0");
  ip(other, "link set eth0 netns " + unique("pod"));
  ip(pod_, "link set eth0 name net1");
  expect_alike(pod_, "net1");
}

TEST_F(LiveNetworkTest, BetweenTheKernelAndThisProcessNothingMoves) {
  ASSERT_OK(create_pair(host_, pod_));
  NamespaceRef inside;
  {
    const device::Rtnl rtnl = engine().network().lock();
    inside = engine().network().add_namespace(rtnl, "inside").value();
  }
  ASSERT_OK(create_pair(inside, inside, {}, "nk8", "nk9"));
  const std::string why = "a device cannot move between a namespace of the kernel and one of this process";
  expect_error(move(pod_, "eth0", inside), EOPNOTSUPP, why);
  expect_error(move(inside, "nk8", pod_), EOPNOTSUPP, why);
  expect_alike(pod_, "eth0");
  EXPECT_OK(show(inside, "nk8"));
}

// ---- deletion ----

TEST_F(LiveNetworkTest, DeletingEitherEndTakesBothInterfacesAndFreesTheirNames) {
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK(create_pair(host_, pod_));
    ASSERT_OK(round % 2 == 0 ? remove(host_, "nk0") : remove(pod_, "eth0"));
    EXPECT_TRUE(ip_link(host_, "nk0").is_null());
    EXPECT_TRUE(ip_link(pod_, "eth0").is_null());
    ip(pod_, "link add eth0 type bridge");
    ip(pod_, "link del eth0");
  }
}

TEST_F(LiveNetworkTest, AnInterfaceThatIpDeletesTakesThePairWithIt) {
  ASSERT_OK(create_pair(host_, pod_));
  ip(pod_, "link del eth0");
  EXPECT_EQ(show(host_, "nk0").error().code, ENODEV);
  EXPECT_TRUE(ip_link(host_, "nk0").is_null());
  EXPECT_OK(create_pair(host_, pod_));
}

TEST_F(LiveNetworkTest, TwoHundredPairsComeAndGoAndLeaveNothing) {
  const auto count = [](const std::string& directory) {
    std::size_t entries = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory)) ++entries;
    return entries;
  };
  const std::string keeper =
      "/proc/" + std::to_string(shared_keeper().with([](host::Keeper& held) { return held.pid(); })) + "/fd";
  ASSERT_OK(create_pair(host_, pod_));  // what is made once is there
  ASSERT_OK(remove(host_, "nk0"));
  rcu::drain();
  const std::size_t files = count("/proc/self/fd");
  const std::size_t threads = count("/proc/self/task");
  const std::size_t keepers = count(keeper);
  for (int round = 0; round < 200; ++round) {
    ASSERT_OK(create_pair(host_, pod_));
    ASSERT_OK(set_up(host_, "nk0"));
    ASSERT_OK(set_up(pod_, "eth0"));
    ASSERT_OK(remove(round % 2 == 0 ? host_ : pod_, round % 2 == 0 ? "nk0" : "eth0"));
  }
  rcu::drain();
  rcu::drain();
  EXPECT_EQ(count("/proc/self/fd"), files);
  EXPECT_EQ(count("/proc/self/task"), threads);
  // The keeper may still be closing what its last answer needed.
  EXPECT_TRUE(eventually([&] { return count(keeper) == keepers; })) << count(keeper) << " of " << keepers;
  EXPECT_EQ(Json::parse(run_in(host_, {"ip", "-j", "link"}).output).size(), 1U);
  EXPECT_EQ(Json::parse(run_in(pod_, {"ip", "-j", "link"}).output).size(), 1U);
}

// ---- traffic and trouble ----

TEST_F(LiveNetworkTest, TrafficFlowsAndIsCounted) {
  ASSERT_OK(create_pair(host_, pod_));
  configure(host_, "nk0", "10.1.0.1/24");
  configure(pod_, "eth0", "10.1.0.2/24");
  const CommandResult ping = run_in(pod_, {"ping", "-c3", "-i0.1", "-W2", "10.1.0.1"});
  EXPECT_EQ(ping.status, 0) << ping.output;
  // A packet is counted after it was handed over: `ping` may be done first.
  EXPECT_TRUE(eventually([&] { return show(host_, "nk0")->stats.tx_packets == 3; }));
  EXPECT_TRUE(eventually([&] { return show(host_, "nk0")->stats.rx_packets == 3; }));
}

TEST_F(LiveNetworkTest, WithoutItsKeeperWhatIsThereGoesOn) {
  ASSERT_OK(create_pair(host_, pod_));
  configure(host_, "nk0", "10.1.0.1/24");
  configure(pod_, "eth0", "10.1.0.2/24");
  const pid_t keeper = shared_keeper().with([](host::Keeper& held) { return held.pid(); });
  ::kill(keeper, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !troubles().empty(); }));
  EXPECT_EQ(troubles(), std::vector<std::string>{"the keeper has died"});
  expect_error(create_pair(host_, pod_, {}, "nk1", "eth1"), EPIPE,
               "the keeper process has died; what it made is removed at the next start");
  expect_error(set(pod_, "eth0", AttributeWriter().u32(control::kIflaMtu, 1400)), EPIPE,
               "the keeper process has died; what it made is removed at the next start");
  const std::string ping = "ip netns exec " + unique("pod") + " ping -c3 -i0.1 -W2 10.1.0.1 >/dev/null";
  EXPECT_EQ(std::system(ping.c_str()), 0);
  const auto removed = host::undo_stale_journals(state());
  EXPECT_OK(removed);
}

}  // namespace
}  // namespace netkit::testing
