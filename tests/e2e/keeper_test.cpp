// The keeper at work: what it makes, what it refuses, and that everything goes again.
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "host/journal.h"
#include "host/link_monitor.h"
#include "host/netns_exec.h"
#include "tests/support/live.h"

namespace netkit::testing {
namespace {

using host::Keeper;
using host::LinkInfo;
using host::NetworkNamespace;
using host::Nsid;
using host::Space;

class KeeperTest : public LiveTest {
 protected:
  Space make_space(std::string_view name) {
    auto space = keeper().make_namespace(unique(name));
    EXPECT_OK(space);
    return space.value_or(Space{});
  }
};

TEST_F(KeeperTest, MakesANamespaceThatIpNetnsKnowsAndRemovesIt) {
  const Space space = make_space("a");
  const auto named = NetworkNamespace::named(unique("a"));
  ASSERT_OK(named);
  EXPECT_EQ(named->identity(), space.identity);
  EXPECT_NE(named->identity(), NetworkNamespace::current()->identity());
  EXPECT_OK(keeper().remove_namespace(space.nsid));
  EXPECT_EQ(NetworkNamespace::named(unique("a")).error().code, ENOENT);
}

TEST_F(KeeperTest, ANameThatIsTakenIsRefusedAndLeftAlone) {
  const Space space = make_space("a");
  const auto again = keeper().make_namespace(unique("a"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, EEXIST);
  EXPECT_EQ(again.error().text, "network namespace '" + unique("a") + "' exists already; `ip netns del " +
                                    unique("a") + "` removes it");
  EXPECT_EQ(NetworkNamespace::named(unique("a"))->identity(), space.identity);
}

TEST_F(KeeperTest, RefusesNamesThatAreNoNames) {
  for (const char* name : {"", ".", "..", "a/b", "../../etc"}) {
    EXPECT_EQ(keeper().make_namespace(name).error().code, EINVAL) << name;
  }
}

TEST_F(KeeperTest, ATapAppearsInItsNamespaceWithNameNumberAndSettings) {
  const Space space = make_space("pod");
  const auto tap = keeper().make_tap({.space = space.nsid,
                                      .name = "nk0",
                                      .ifindex = 77,
                                      .mac = parse_mac("02:00:00:00:00:07"),
                                      .mtu = 9000,
                                      .alias = "of the test",
                                      .arp = false});
  ASSERT_OK(tap);
  EXPECT_EQ(tap->queues.size(), 1U);
  const auto link = keeper().link(space.nsid, "nk0");
  ASSERT_OK(link);
  EXPECT_EQ(link->ifindex, 77U);
  EXPECT_EQ(link->kind, "tun");
  EXPECT_EQ(to_string(link->mac), "02:00:00:00:00:07");
  EXPECT_EQ(link->mtu, 9000U);
  EXPECT_EQ(link->alias, "of the test");
  EXPECT_FALSE(link->up());
  EXPECT_FALSE(link->carrier);
  EXPECT_EQ(link->flags, static_cast<unsigned>(IFF_BROADCAST | IFF_MULTICAST | IFF_NOARP));
}

TEST_F(KeeperTest, NumbersCountUpInEachNamespace) {
  const Space a = make_space("a");
  const Space b = make_space("b");
  const auto first = keeper().make_tap({.space = a.nsid, .name = "eth0"});
  const auto second = keeper().make_tap({.space = b.nsid, .name = "eth0"});
  const auto third = keeper().make_tap({.space = b.nsid, .name = "eth1"});
  ASSERT_OK(first);
  ASSERT_OK(second);
  ASSERT_OK(third);
  EXPECT_EQ(first->link.ifindex, 2U);
  EXPECT_EQ(second->link.ifindex, 2U);
  EXPECT_EQ(third->link.ifindex, 3U);
}

TEST_F(KeeperTest, ATapCanHaveManyQueues) {
  const Space space = make_space("pod");
  const auto tap = keeper().make_tap({.space = space.nsid, .name = "eth0", .queues = 4});
  ASSERT_OK(tap);
  EXPECT_EQ(tap->queues.size(), 4U);
  EXPECT_EQ(keeper().make_tap({.space = space.nsid, .name = "eth1", .queues = 0}).error().code, EINVAL);
  EXPECT_EQ(keeper().make_tap({.space = space.nsid, .name = "eth1", .queues = 1000}).error().code, EINVAL);
}

TEST_F(KeeperTest, SaysWhatIsTakenAndLeavesNoHalfMadeTap) {
  const Space space = make_space("pod");
  const auto tap = keeper().make_tap({.space = space.nsid, .name = "eth0", .ifindex = 5});
  ASSERT_OK(tap);
  const auto name = keeper().make_tap({.space = space.nsid, .name = "eth0"});
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().code, EEXIST);
  EXPECT_EQ(name.error().text, "interface name 'eth0' is taken in network namespace '" + unique("pod") + "'");
  const auto number = keeper().make_tap({.space = space.nsid, .name = "eth1", .ifindex = 5});
  ASSERT_FALSE(number);
  EXPECT_EQ(number.error().code, EBUSY);
  EXPECT_EQ(number.error().text, "ifindex 5 is taken in network namespace '" + unique("pod") + "'");
  const auto mtu = keeper().make_tap({.space = space.nsid, .name = "eth2", .mtu = 65522});
  ASSERT_FALSE(mtu);
  EXPECT_EQ(mtu.error().code, EINVAL);
  EXPECT_EQ(mtu.error().text, "mtu greater than device maximum");
  EXPECT_EQ(keeper().make_tap({.space = space.nsid, .name = "far-too-long-a-name"}).error().code, ERANGE);
  EXPECT_EQ(keeper().links(space.nsid)->size(), 2U);  // lo and eth0
}

TEST_F(KeeperTest, ATapGoesWithItsLastDescriptor) {
  const Space space = make_space("pod");
  {
    ASSERT_OK(keeper().make_tap({.space = space.nsid, .name = "eth0", .queues = 2}));
  }
  EXPECT_TRUE(eventually([&] { return !keeper().link(space.nsid, "eth0"); }));
}

TEST_F(KeeperTest, ChangesAndDeletesLinks) {
  const Space space = make_space("pod");
  const auto tap = keeper().make_tap({.space = space.nsid, .name = "eth0"});
  ASSERT_OK(tap);
  const std::uint32_t ifindex = tap->link.ifindex;
  ASSERT_OK(keeper().change_link(space.nsid, ifindex,
                                 {.name = "eth9",
                                  .alias = "nine",
                                  .mtu = 1400,
                                  .mac = parse_mac("02:00:00:00:00:99"),
                                  .up = true,
                                  .arp = false}));
  const auto link = keeper().link(space.nsid, ifindex);
  ASSERT_OK(link);
  EXPECT_EQ(link->name, "eth9");
  EXPECT_EQ(link->alias, "nine");
  EXPECT_EQ(link->mtu, 1400U);
  EXPECT_EQ(to_string(link->mac), "02:00:00:00:00:99");
  EXPECT_TRUE(link->up());
  EXPECT_TRUE((link->flags & IFF_NOARP) != 0);
  EXPECT_EQ(keeper().change_link(space.nsid, ifindex, {.mtu = 20}).error().text,
            "mtu less than device minimum");
  EXPECT_OK(keeper().delete_link(space.nsid, ifindex));
  EXPECT_EQ(keeper().link(space.nsid, ifindex).error().code, ENODEV);
}

TEST_F(KeeperTest, MovesALinkWithNameAndNumberAndItArrivesDown) {
  const Space a = make_space("a");
  const Space b = make_space("b");
  const auto tap = keeper().make_tap({.space = a.nsid, .name = "eth0"});
  ASSERT_OK(tap);
  ASSERT_OK(keeper().change_link(a.nsid, tap->link.ifindex, {.up = true}));
  ASSERT_OK(keeper().move_link(a.nsid, tap->link.ifindex, b.nsid, {.name = "eth5", .new_ifindex = 50}));
  EXPECT_FALSE(keeper().link(a.nsid, "eth0"));
  const auto link = keeper().link(b.nsid, 50);
  ASSERT_OK(link);
  EXPECT_EQ(link->name, "eth5");
  EXPECT_FALSE(link->up());
}

TEST_F(KeeperTest, AddressesRoutesAndNeighboursAreWhatIpShows) {
  const Pod pod = make_pod("pod", {.v4 = "10.9.0.1/24", .v6 = "fd09::1/64"});
  const Nsid nsid = pod.space.nsid;
  const std::uint32_t ifindex = pod.link.ifindex;
  EXPECT_OK(keeper().add_route(nsid, {.destination = *parse_prefix("10.8.0.7/16"), .ifindex = ifindex}));
  EXPECT_OK(keeper().add_route(nsid, {.destination = *parse_prefix("0.0.0.0/0"),
                                      .gateway = parse_ip("10.9.0.254"),
                                      .source = parse_ip("10.9.0.1"),
                                      .ifindex = ifindex,
                                      .metric = 7}));
  EXPECT_OK(keeper().add_route(
      nsid,
      {.destination = *parse_prefix("10.7.0.0/16"), .gateway = parse_ip("fd09::fe"), .ifindex = ifindex}));
  EXPECT_OK(keeper().add_route(nsid, {.destination = *parse_prefix("::/0"),
                                      .gateway = parse_ip("fd99::1"),
                                      .ifindex = ifindex,
                                      .onlink = true}));
  EXPECT_OK(keeper().add_neighbour(
      nsid, {parse_ip("10.9.0.254").value(), *parse_mac("02:00:00:00:00:fe"), ifindex}));
  EXPECT_OK(
      keeper().add_neighbour(nsid, {parse_ip("fd09::fe").value(), *parse_mac("02:00:00:00:00:fe"), ifindex}));
  const std::string addresses = run(pod, {"ip", "-o", "addr", "show", "dev", "eth0"}).output;
  EXPECT_TRUE(addresses.contains("inet 10.9.0.1/24")) << addresses;
  EXPECT_TRUE(addresses.contains("inet6 fd09::1/64")) << addresses;
  EXPECT_TRUE(addresses.contains("nodad")) << addresses;
  EXPECT_FALSE(addresses.contains("nodad tentative")) << addresses;
  const std::string routes = run(pod, {"sh", "-c", "ip route; ip -6 route"}).output;
  EXPECT_TRUE(routes.contains("10.8.0.0/16 dev eth0 proto static scope link")) << routes;
  EXPECT_TRUE(routes.contains("default via 10.9.0.254 dev eth0 proto static src 10.9.0.1 metric 7"))
      << routes;
  EXPECT_TRUE(routes.contains("10.7.0.0/16 via inet6 fd09::fe dev eth0")) << routes;
  EXPECT_TRUE(routes.contains("default via fd99::1 dev eth0 proto static")) << routes;
  EXPECT_TRUE(routes.contains("onlink")) << routes;
  const std::string neighbours = run(pod, {"ip", "neigh"}).output;
  EXPECT_TRUE(neighbours.contains("10.9.0.254 dev eth0 lladdr 02:00:00:00:00:fe PERMANENT")) << neighbours;
  EXPECT_TRUE(neighbours.contains("fd09::fe dev eth0 lladdr 02:00:00:00:00:fe PERMANENT")) << neighbours;
}

TEST_F(KeeperTest, PassesTheKernelsOwnWordsOn) {
  const Pod pod = make_pod("pod", {.v4 = "10.9.0.1/24"});
  const auto route = keeper().add_route(pod.space.nsid, {.destination = *parse_prefix("10.8.0.0/16"),
                                                         .gateway = parse_ip("10.250.0.1"),
                                                         .ifindex = pod.link.ifindex});
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().code, ENETUNREACH);
  EXPECT_EQ(route.error().text, "Nexthop has invalid gateway");
}

TEST_F(KeeperTest, SysctlsOnlyInNamespacesOfOurOwn) {
  const Space space = make_space("pod");
  EXPECT_OK(keeper().set_sysctl(space.nsid, "ipv4/ip_forward", "1"));
  const auto inside =
      host::in_namespace(*NetworkNamespace::named(unique("pod")), []() -> Result<std::string> {
        std::string value;
        std::ifstream("/proc/sys/net/ipv4/ip_forward") >> value;
        return value;
      });
  EXPECT_EQ(inside.value(), "1");
  EXPECT_EQ(keeper().set_sysctl(space.nsid, "../kernel/sysrq", "1").error().code, EINVAL);
  EXPECT_EQ(keeper().set_sysctl(space.nsid, "/etc/passwd", "1").error().code, EINVAL);
  EXPECT_EQ(keeper().set_sysctl(space.nsid, "ipv4/no_such_thing", "1").error().code, ENOENT);
  const auto own = keeper().use_own_namespace("host");
  ASSERT_OK(own);
  EXPECT_EQ(keeper().set_sysctl(own->nsid, "ipv4/ip_forward", "1").error().code, EPERM);
}

TEST_F(KeeperTest, UsesNamespacesByPathAndLeavesThem) {
  const std::string name = unique("theirs");
  ASSERT_OK(host::make_named_namespace(name));
  const auto by_name = keeper().use_namespace("theirs", "/run/netns/" + name);
  ASSERT_OK(by_name);
  EXPECT_EQ(by_name->identity, NetworkNamespace::named(name)->identity());
  EXPECT_EQ(keeper().remove_namespace(by_name->nsid).error().code, EPERM);
  const Fd descriptor(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  const auto by_descriptor = keeper().use_namespace(
      "fd", "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor.get()));
  ASSERT_OK(by_descriptor);
  EXPECT_EQ(by_descriptor->nsid, by_name->nsid);
  EXPECT_EQ(keeper().use_namespace("x", "/etc/passwd").error().code, EINVAL);
  EXPECT_EQ(keeper().use_namespace("x", "/run/netns/no-such-name-at-all").error().code, ENOENT);
  kill_keeper();
  start_keeper();
  EXPECT_OK(NetworkNamespace::named(name));
  EXPECT_OK(host::delete_named_namespace(name));
}

TEST_F(KeeperTest, NoticesThatANameStandsForAnotherNamespaceNow) {
  const Space space = make_space("a");
  ASSERT_OK(host::delete_named_namespace(unique("a")));
  EXPECT_EQ(keeper().change_link(space.nsid, 1, {.up = true}).error().code, ENOENT);
  ASSERT_OK(host::make_named_namespace(unique("a")));
  EXPECT_EQ(keeper().change_link(space.nsid, 1, {.up = true}).error().code, ESTALE);
  EXPECT_OK(keeper().stop());
  EXPECT_OK(NetworkNamespace::named(unique("a")));  // somebody else's: not undone
  EXPECT_OK(host::delete_named_namespace(unique("a")));
  start_keeper();
}

TEST_F(KeeperTest, StopUndoesEverything) {
  make_space("a");
  make_space("b");
  ASSERT_OK(keeper().stop());
  EXPECT_EQ(NetworkNamespace::named(unique("a")).error().code, ENOENT);
  EXPECT_EQ(NetworkNamespace::named(unique("b")).error().code, ENOENT);
  EXPECT_TRUE(host::list_journals(state()).empty());
  EXPECT_EQ(keeper().make_namespace(unique("c")).error().code, EPIPE);
  start_keeper();
}

TEST_F(KeeperTest, AKilledKeeperIsUndoneAtTheNextStart) {
  make_space("a");
  kill_keeper();
  EXPECT_OK(NetworkNamespace::named(unique("a")));
  const auto removed = host::undo_stale_journals(state());
  ASSERT_OK(removed);
  EXPECT_EQ(*removed, std::vector<std::string>{"removed network namespace " + unique("a")});
  EXPECT_EQ(NetworkNamespace::named(unique("a")).error().code, ENOENT);
  EXPECT_TRUE(host::list_journals(state()).empty());
  start_keeper();
}

TEST_F(KeeperTest, ANameReservedButNotMountedIsUndoneToo) {
  ASSERT_OK(host::reserve_namespace_name(unique("half")));
  std::ofstream(state() / "1.journal") << "netkit-journal-1 1 root\nreserve " << unique("half") << "\n";
  ASSERT_OK(host::undo_stale_journals(state()));
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + unique("half")));
}

TEST_F(KeeperTest, ALivingKeeperIsNotUndone) {
  make_space("a");
  const auto removed = host::undo_stale_journals(state());
  ASSERT_OK(removed);
  EXPECT_TRUE(removed->empty());
  EXPECT_OK(NetworkNamespace::named(unique("a")));
}

TEST_F(KeeperTest, ACorruptedJournalUndoesWhatItStillSays) {
  make_space("a");
  kill_keeper();
  const auto journals = host::list_journals(state());
  ASSERT_EQ(journals.size(), 1U);
  {
    std::fstream file(journals[0], std::ios::in | std::ios::out);
    file << "XXXXXXXXXX";  // over the first line
    file.seekp(0, std::ios::end);
    file << "\x01\x02\nmade \nremoved";
  }
  ASSERT_OK(host::undo_stale_journals(state()));
  EXPECT_EQ(NetworkNamespace::named(unique("a")).error().code, ENOENT);
  start_keeper();
}

TEST_F(KeeperTest, UndoesWhenTheEngineIsKilled) {
  const std::string name = unique("orphan");
  const pid_t engine = ::fork();
  if (engine == 0) {
    auto own = Keeper::start({.state_directory = state()});
    const bool made =
        own && own->make_namespace(name) && own->make_namespace(name + "2") && host::drop_privileges();
    ::kill(::getpid(), made ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ::waitpid(engine, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  // Its journal goes last; the one that stays is that of this test's own keeper.
  EXPECT_TRUE(eventually([&] { return host::list_journals(state()).size() == 1; }));
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + name));
  EXPECT_FALSE(std::filesystem::exists("/run/netns/" + name + "2"));
}

TEST_F(KeeperTest, KilledAtAnyMomentTheNextStartFindsWhatWasMade) {
  const auto make_things_until_killed = [&](int report) {
    auto own = Keeper::start({.state_directory = state()});
    if (!own) ::_exit(1);
    const pid_t pid = own->pid();
    if (::write(report, &pid, sizeof pid) != sizeof pid) ::_exit(1);
    for (int i = 0;; ++i) {
      const auto space = own->make_namespace(unique("any" + std::to_string(i)));
      if (!space) ::_exit(1);
      const auto tap = own->make_tap({.space = space->nsid, .name = "eth0"});
      if (i % 3 == 0 && !own->remove_namespace(space->nsid)) ::_exit(1);
    }
  };
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t engine = ::fork();
    if (engine == 0) make_things_until_killed(ends[1]);
    pid_t both = 0;
    ASSERT_EQ(::read(ends[0], &both, sizeof both), static_cast<ssize_t>(sizeof both));
    ::close(ends[0]);
    ::close(ends[1]);
    ::usleep(static_cast<unsigned>(round) * 1500);
    ::kill(both, SIGKILL);
    ::kill(engine, SIGKILL);
    ::waitpid(engine, nullptr, 0);
    EXPECT_TRUE(eventually([&] {
      static_cast<void>(host::undo_stale_journals(state()));
      return host::list_journals(state()).size() == 1;  // that of this test's own keeper
    }));
    for (const std::string& name : host::list_named_namespaces()) {
      EXPECT_FALSE(name.starts_with(unique("any"))) << name << " in round " << round;
    }
  }
}

TEST_F(KeeperTest, TheEngineHasNoPrivilegeLeftAndTheKeeperStillWorks) {
  const pid_t engine = ::fork();
  if (engine == 0) {
    auto own = Keeper::start({.state_directory = state()});
    if (!own || !host::drop_privileges()) ::_exit(1);
    if (::socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM) ::_exit(2);
    if (host::NetworkNamespace::make()) ::_exit(3);
    const auto space = own->make_namespace(unique("engine"));
    if (!space) ::_exit(4);
    auto tap = own->make_tap({.space = space->nsid, .name = "eth0"});
    if (!tap) ::_exit(5);
    auto port = host::TapPort::make(std::move(tap->queues), {});
    if (!port) ::_exit(6);
    (*port)->set_carrier(true);
    if (!own->link(space->nsid, "eth0")->carrier) ::_exit(7);
    port->reset();
    ::_exit(own->stop() ? 0 : 8);
  }
  int status = 0;
  ::waitpid(engine, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(KeeperTest, RunsCommandsInsideAndReportsHowTheyEnd) {
  const Pod pod = make_pod("pod", {.quiet = true});
  EXPECT_EQ(run(pod, {"true"}).status, 0);
  EXPECT_EQ(run(pod, {"sh", "-c", "exit 7"}).status, 7);
  EXPECT_EQ(run(pod, {"sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
  const CommandResult missing = run(pod, {"/no/such/program"});
  EXPECT_EQ(missing.status, 127);
  EXPECT_EQ(missing.output, "netkit: cannot run /no/such/program: No such file or directory (ENOENT)\n");
  EXPECT_EQ(run(pod, {"cat", "/sys/class/net/eth0/ifindex"}).output, "2\n");
  EXPECT_EQ(keeper().run(pod.space.nsid, {}, {0, 1, 2}).error().code, EINVAL);
}

TEST_F(KeeperTest, CommandsEndWithTheKeeper) {
  const Pod pod = make_pod("pod", {.quiet = true});
  const host::Command command = start(pod, {"sleep", "100"});
  ASSERT_EQ(::kill(command.pid, 0), 0);
  EXPECT_EQ(host::read_exit(command).error().code, EAGAIN);
  kill_keeper();
  EXPECT_TRUE(eventually([&] { return ::kill(command.pid, 0) != 0 && errno == ESRCH; }));
  EXPECT_EQ(host::read_exit(command).error().code, EPIPE);
  start_keeper();
}

TEST_F(KeeperTest, ADumpOfManyLinksComesWhole) {
  const Space a = make_space("a");
  const Space b = make_space("b");
  constexpr std::size_t kPairs = 260;  // more than fit one datagram
  for (std::size_t i = 0; i < kPairs; ++i) {
    ASSERT_OK(keeper().make_veth(a.nsid, "v" + std::to_string(i), b.nsid, "w" + std::to_string(i)));
  }
  EXPECT_EQ(keeper().links(a.nsid)->size(), kPairs + 1);
  EXPECT_EQ(keeper().links(b.nsid)->size(), kPairs + 1);
}

TEST_F(KeeperTest, WithoutACloneDeviceItSaysWhatToDo) {
  const pid_t engine = ::fork();
  if (engine == 0) {
    // In a mount namespace of our own: /dev without net/tun.
    const bool hidden = ::unshare(CLONE_NEWNS) == 0 &&
                        ::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) == 0 &&
                        ::mount("tmpfs", "/dev/net", "tmpfs", 0, nullptr) == 0;
    if (!hidden) ::_exit(1);
    if (host::describe(host::probe_access()) !=
        "in-process (/dev/net/tun is absent; load the module (modprobe tun), or give the container the "
        "device)") {
      ::_exit(2);
    }
    auto own = Keeper::start({.state_directory = state()});
    if (!own) ::_exit(3);
    const auto space = own->make_namespace(unique("engine"));
    if (!space) ::_exit(4);
    if (own->make_tap({.space = space->nsid, .name = "eth0"}).error().code != ENODEV) ::_exit(5);
    ::_exit(own->stop() ? 0 : 6);
  }
  int status = 0;
  ::waitpid(engine, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(KeeperTest, ARunningInstanceCanBeEnteredFromAnotherProcess) {
  const Space space = make_space("pod");
  const auto running = host::running_namespaces(state());
  ASSERT_OK(running);
  ASSERT_EQ(running->size(), 1U);
  EXPECT_EQ(running->front().name, unique("pod"));
  EXPECT_FALSE(running->front().userns);
  const pid_t visitor = ::fork();
  if (visitor == 0) {
    if (!host::enter_namespace(running->front())) ::_exit(1);
    if (NetworkNamespace::current()->identity() != space.identity) ::_exit(2);
    std::size_t devices = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/class/net"))
      devices += !entry.path().empty();
    ::_exit(devices == 1 ? 0 : 3);
  }
  int status = 0;
  ::waitpid(visitor, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_OK(keeper().stop());
  EXPECT_TRUE(host::running_namespaces(state())->empty());
  start_keeper();
}

}  // namespace
}  // namespace netkit::testing
