// What the one rtnetlink socket hears of interfaces in other namespaces.
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "host/link_monitor.h"
#include "tests/support/live.h"

namespace netkit::testing {
namespace {

using host::EventsLost;
using host::LinkChanged;
using host::LinkEvent;
using host::LinkGone;
using host::LinkMonitor;
using host::NamespaceGone;
using host::Space;

class LinkMonitorTest : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto socket = keeper().open_monitor();
    ASSERT_OK(socket);
    monitor.emplace(*std::move(socket));
  }

  // Waits for an event of that type for which `wanted` holds.
  template <class Event, class Wanted>
  std::optional<Event> hear(Wanted wanted) {
    std::optional<Event> found;
    eventually([&] {
      EXPECT_OK(monitor->read(events));
      for (const LinkEvent& event : events) {
        const auto* candidate = std::get_if<Event>(&event);
        if (candidate != nullptr && wanted(*candidate)) found = *candidate;
      }
      return found.has_value();
    });
    EXPECT_TRUE(found.has_value());
    events.clear();
    return found;
  }
  Space make_space(std::string_view name) { return keeper().make_namespace(unique(name)).value_or(Space{}); }

  std::optional<LinkMonitor> monitor;
  std::vector<LinkEvent> events;
};

TEST_F(LinkMonitorTest, HearsWhatBecomesOfAnInterfaceInAPod) {
  const Pod pod = make_pod("pod", {.quiet = true});
  const auto of_pod = [&](const auto& event) {
    return event.space == pod.space.nsid && event.link.ifindex == 2;
  };
  EXPECT_EQ(hear<LinkChanged>(of_pod)->link.kind, "tun");
  EXPECT_EQ(run(pod, {"ip", "link", "set", "eth0", "mtu", "1234"}).status, 0);
  EXPECT_TRUE(
      hear<LinkChanged>([&](const LinkChanged& event) { return of_pod(event) && event.link.mtu == 1234; }));
  EXPECT_EQ(run(pod, {"ip", "link", "set", "eth0", "down"}).status, 0);
  EXPECT_TRUE(hear<LinkChanged>([&](const LinkChanged& event) { return of_pod(event) && !event.link.up(); }));
  EXPECT_EQ(run(pod, {"ip", "link", "set", "eth0", "name", "net1"}).status, 0);
  EXPECT_TRUE(hear<LinkChanged>(
      [&](const LinkChanged& event) { return of_pod(event) && event.link.name == "net1"; }));
  EXPECT_EQ(run(pod, {"ip", "link", "set", "net1", "address", "02:00:00:00:00:55", "up"}).status, 0);
  EXPECT_TRUE(hear<LinkChanged>([&](const LinkChanged& event) {
    return of_pod(event) && event.link.up() && to_string(event.link.mac) == "02:00:00:00:00:55";
  }));
  pod.port->set_carrier(false);
  EXPECT_TRUE(
      hear<LinkChanged>([&](const LinkChanged& event) { return of_pod(event) && !event.link.carrier; }));
  EXPECT_EQ(run(pod, {"ip", "link", "del", "net1"}).status, 0);
  const auto gone = hear<LinkGone>(of_pod);
  EXPECT_FALSE(gone->moved);
  EXPECT_EQ(gone->link.name, "net1");
}

TEST_F(LinkMonitorTest, AMoveIsToldAtBothPlaces) {
  const Pod pod = make_pod("from", {.quiet = true});
  const Space target = make_space("to");
  ASSERT_EQ(run(pod, {"ip", "link", "set", "eth0", "netns", unique("to"), "name", "eth3"}).status, 0);
  std::optional<LinkGone> left;
  std::optional<LinkChanged> arrived;
  ASSERT_TRUE(eventually([&] {
    EXPECT_OK(monitor->read(events));
    for (const LinkEvent& event : events) {
      if (const auto* gone = std::get_if<LinkGone>(&event); gone != nullptr && gone->space == pod.space.nsid)
        left = *gone;
      const auto* changed = std::get_if<LinkChanged>(&event);
      if (changed != nullptr && changed->space == target.nsid && changed->link.name == "eth3")
        arrived = *changed;
    }
    return left && arrived;
  }));
  EXPECT_TRUE(left->moved);
  EXPECT_EQ(left->new_ifindex, arrived->link.ifindex);
  EXPECT_FALSE(arrived->link.up());
}

TEST_F(LinkMonitorTest, ATapThatSomebodyMovedAwayIsFound) {
  const Pod pod = make_pod("from", {.quiet = true});
  ASSERT_OK(host::make_named_namespace(unique("to")));
  ASSERT_EQ(run(pod, {"ip", "link", "set", "eth0", "netns", unique("to"), "name", "eth3"}).status, 0);
  const auto location = keeper().locate(pod.port->poll_fd());
  ASSERT_OK(location);
  EXPECT_EQ(location->space.identity, host::NetworkNamespace::named(unique("to"))->identity());
  EXPECT_EQ(location->link.name, "eth3");
  EXPECT_OK(keeper().change_link(location->space.nsid, location->link.ifindex, {.up = true}));
  EXPECT_TRUE(hear<LinkChanged>(
      [&](const LinkChanged& event) { return event.space == location->space.nsid && event.link.up(); }));
  EXPECT_OK(host::delete_named_namespace(unique("to")));
  EXPECT_TRUE(
      hear<NamespaceGone>([&](const NamespaceGone& event) { return event.space == location->space.nsid; }));
  EXPECT_EQ(keeper().locate(pod.port->poll_fd()).error().code, EBADFD);
}

TEST_F(LinkMonitorTest, NothingOfOursKeepsADeletedNamespaceAlive) {
  const Pod pod = make_pod("pod", {.quiet = true});
  ASSERT_OK(host::delete_named_namespace(pod.name));
  EXPECT_TRUE(hear<NamespaceGone>([&](const NamespaceGone& event) { return event.space == pod.space.nsid; }));
  EXPECT_TRUE(eventually([&] {
    PacketPool pool;
    PacketBatch batch;
    pod.port->receive(pool, batch);
    return pod.port->state() == PortState::kGone;
  }));
}

TEST_F(LinkMonitorTest, SaysSoWhenEventsWereLost) {
  const int tiny = 4096;
  ASSERT_EQ(::setsockopt(monitor->poll_fd(), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny), 0);
  const Pod pod = make_pod("pod", {.quiet = true});
  for (std::uint32_t mtu = 1000; mtu < 1100; ++mtu) {
    ASSERT_OK(keeper().change_link(pod.space.nsid, 2, {.mtu = mtu}));
  }
  EXPECT_OK(monitor->read(events));
  EXPECT_TRUE(
      std::ranges::any_of(events, [](const LinkEvent& e) { return std::holds_alternative<EventsLost>(e); }));
  events.clear();
  ASSERT_OK(keeper().change_link(pod.space.nsid, 2, {.mtu = 1400}));
  EXPECT_TRUE(hear<LinkChanged>([&](const LinkChanged& event) { return event.link.mtu == 1400; }));
}

}  // namespace
}  // namespace netkit::testing
