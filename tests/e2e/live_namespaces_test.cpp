// Kernel namespaces of a live engine: how they are named and found, that nothing keeps them alive, and what
// goes with them.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "port/end_host.h"
#include "port/in_process.h"
#include "tests/support/live_engine.h"

namespace netkit::testing {
namespace {

using control::expect_error;
using control::name;
using device::NamespaceRef;

// A process in a network namespace of its own, without a name: what a container's runtime makes.
class Container {
 public:
  Container() {
    int ready[2];
    if (::pipe2(ready, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      const bool own = ::unshare(CLONE_NEWNET) == 0;
      (void)!::write(ready[1], own ? "y" : "n", 1);
      while (true) ::pause();
    }
    char answer = 'n';
    (void)!::read(ready[0], &answer, 1);
    EXPECT_EQ(answer, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Container() { kill(); }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

class LiveNamespacesTest : public LiveEngineTest {
 protected:
  std::size_t known() {
    const device::Rtnl rtnl = engine().network().lock();
    return engine().network().namespaces(rtnl).size();
  }
};

TEST_F(LiveNamespacesTest, ANamespaceIsOneHoweverItIsNamed) {
  const NamespaceRef made = make_netns("a");
  const auto file = host::NetworkNamespace::named(unique("a"));
  ASSERT_OK(file);
  EXPECT_EQ(live().of_descriptor(file->fd()).value(), made);
  EXPECT_EQ(made->name(), unique("a"));
  EXPECT_TRUE(made->mirrored());
  const auto own = live().own();
  ASSERT_OK(own);
  EXPECT_EQ(live().of_process(::getpid()).value(), *own);
  EXPECT_NE(*own, made);
}

TEST_F(LiveNamespacesTest, WhatIsNoNamespaceIsRefused) {
  const Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(live().of_descriptor(file.get()).error().code, EINVAL);
  EXPECT_EQ(live().of_process(0x7fff'fff0).error().code, ESRCH);
  EXPECT_EQ(live().make("../etc").error().code, EINVAL);
  (void)make_netns("a");
  EXPECT_EQ(live().make(unique("a")).error().code, EEXIST);
}

TEST_F(LiveNamespacesTest, OnlyWhatWasMadeHereIsRemovedHere) {
  const auto own = live().own();
  EXPECT_EQ(live().remove(**own).error().code, EPERM);
  EXPECT_EQ(live().own().value(), *own);
}

TEST_F(LiveNamespacesTest, ANamespaceWithoutANameIsCalledByItsProcess) {
  const Container container;
  const auto pod = live().of_process(container.pid());
  ASSERT_OK(pod);
  EXPECT_EQ((*pod)->name(), "pid:" + std::to_string(container.pid()));
  EXPECT_EQ(live().of_process(container.pid()).value(), *pod);
}

TEST_F(LiveNamespacesTest, AContainerIsServedByItsProcessAndTakesThePairAlong) {
  Container container;
  const NamespaceRef host = make_netns("host");
  control::Client client = client_in(host);
  Order order;
  order.generic.text(control::kIflaIfname, "nk0");
  order.peer(name("eth0").u32(control::kIflaNetNsPid, static_cast<std::uint32_t>(container.pid())));
  ASSERT_OK(new_link(client, order.request()));
  const NamespaceRef pod = live().of_process(container.pid()).value();
  configure(host, "nk0", "10.2.0.1/24");
  configure(pod, "eth0", "10.2.0.2/24");
  EXPECT_EQ(run_in(host, {"ping", "-c3", "-i0.1", "-W2", "10.2.0.2"}).status, 0);
  container.kill();
  EXPECT_TRUE(eventually([&] { return ip_link(host, "nk0").is_null(); }));
  EXPECT_EQ(show(host, "nk0").error().code, ENODEV);
  EXPECT_TRUE(eventually([&] { return known() == 1; }));  // the container's is forgotten
}

TEST_F(LiveNamespacesTest, ANamespaceIsEnteredAlsoAfterTheProcessByWhichItWasFoundHasGone) {
  Container first;
  const NamespaceRef host = make_netns("host");
  const NamespaceRef pod = live().of_process(first.pid()).value();
  const pid_t second = ::fork();
  if (second == 0) {
    const Fd netns(::open(("/proc/" + std::to_string(first.pid()) + "/ns/net").c_str(), O_RDONLY));
    if (::setns(netns.get(), CLONE_NEWNET) != 0) ::_exit(1);
    while (true) ::pause();
  }
  EXPECT_TRUE(eventually([&] { return live().of_process(second).value_or(nullptr) == pod; }));
  first.kill();
  EXPECT_OK(create_pair(host, pod));
  EXPECT_OK(set_up(pod, "eth0"));
  ::kill(second, SIGKILL);
  ::waitpid(second, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return ip_link(host, "nk0").is_null(); }));
}

TEST_F(LiveNamespacesTest, ARemovedNamespaceTakesItsPairsAlong) {
  const NamespaceRef host = make_netns("host");
  NamespaceRef pod = make_netns("pod");
  ASSERT_OK(create_pair(host, pod));
  EXPECT_OK(live().remove(*pod));
  EXPECT_TRUE(ip_link(host, "nk0").is_null());
  EXPECT_EQ(show(host, "nk0").error().code, ENODEV);
  EXPECT_EQ(host::NetworkNamespace::named(unique("pod")).error().code, ENOENT);
  // Whoever still refers to it is told.
  expect_error(create_pair(host, pod), ESTALE, "network namespace '" + unique("pod") + "' has gone");
  pod = make_netns("pod");
  EXPECT_OK(create_pair(host, pod));
}

TEST_F(LiveNamespacesTest, ANamespaceThatIpDeletesTakesItsPairsAlong) {
  const NamespaceRef host = make_netns("host");
  const NamespaceRef pod = make_netns("pod");
  ASSERT_OK(create_pair(host, pod));
  configure(host, "nk0", "10.2.0.1/24");
  configure(pod, "eth0", "10.2.0.2/24");
  const host::Command ping = start_in(host, {"ping", "-i0.01", "-w5", "10.2.0.2"});
  EXPECT_EQ(run_in(host, {"ip", "netns", "del", unique("pod")}).status, 0);
  EXPECT_TRUE(eventually([&] { return ip_link(host, "nk0").is_null(); }));
  EXPECT_EQ(show(host, "nk0").error().code, ENODEV);
  EXPECT_TRUE(eventually([&] { return known() == 1; }));
  ::kill(ping.pid, SIGKILL);
}

TEST_F(LiveNamespacesTest, InterfacesThatMoveToAnUnknownNamespaceMakeItKnown) {
  const Container container;
  const NamespaceRef host = make_netns("host");
  const NamespaceRef pod = make_netns("pod");
  ASSERT_OK(create_pair(host, pod));
  ip(pod, "link set eth0 netns " + std::to_string(container.pid()));
  const auto found = live().of_process(container.pid());
  ASSERT_OK(found);
  EXPECT_OK(show(*found, "eth0"));
  EXPECT_EQ(show(pod, "eth0").error().code, ENODEV);
}

TEST_F(LiveNamespacesTest, OneEndInTheKernelAndOneInTheProcessTalkToEachOther) {
  const NamespaceRef host = make_netns("host");
  NamespaceRef inside;
  device::DeviceRef peer;
  {
    const device::Rtnl rtnl = engine().network().lock();
    inside = engine().network().add_namespace(rtnl, "inside").value();
  }
  ASSERT_OK(create_pair(host, inside));
  {
    const device::Rtnl rtnl = engine().network().lock();
    peer = inside->find(rtnl, "eth0");
  }
  PacketPool pool;
  InProcessPorts ports = make_in_process_ports();
  EndHostOptions options;
  options.addresses = {*parse_prefix("10.2.0.2/24")};
  EndHost end_host(options, *ports.first, pool);
  engine().connect(peer, std::move(ports.second));
  configure(host, "nk0", "10.2.0.1/24");
  ASSERT_OK(set_up(inside, "eth0"));
  const host::Command ping = start_in(host, {"ping", "-c3", "-i0.1", "-W2", "10.2.0.2"});
  Result<int> status = fail(EAGAIN);
  EXPECT_TRUE(eventually([&] {
    end_host.poll();
    status = host::read_exit(ping);
    return status.has_value();
  }));
  EXPECT_EQ(status.value_or(-1), 0);
  ASSERT_OK(remove(inside, "eth0"));
  EXPECT_TRUE(ip_link(host, "nk0").is_null());
  peer.reset();
}

}  // namespace
}  // namespace netkit::testing
