// The public C++ API, used as a program that embeds the engine uses it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netkit/netkit.h>
#include <poll.h>

#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace netkit::v1 {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr std::uint32_t kIffUp = 1;
const std::string kDropAll = NETKIT_BINARY_DIR "/bpf/drop_all.bpf.o";
const std::string kPodPolicy = NETKIT_BINARY_DIR "/bpf/pod_policy.bpf.o";

Packet frame(std::uint8_t fill) {
  Packet packet{.bytes = std::vector<std::uint8_t>(64)};
  std::memset(packet.bytes.data() + 14, fill, 50);
  return packet;
}

class Api : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pair_.primary.set_up());
    ASSERT_TRUE(pair_.peer.set_up());
  }

  Engine engine_ = Engine::start({.workers = 1}).value();
  Namespace host_ = engine_.add_namespace("host").value();
  Namespace pod_ = engine_.add_namespace("pod").value();
  NetkitPair pair_ = host_.add_netkit({.name = "nk0", .peer = {.name = "eth0", .netns = &pod_}}).value();
};

TEST_F(Api, a_pair_has_its_ends_where_they_were_asked_for) {
  EXPECT_EQ(pair_.primary.name(), "nk0");
  EXPECT_EQ(pair_.peer.name(), "eth0");
  EXPECT_TRUE(host_.device("nk0"));
  EXPECT_TRUE(pod_.device("eth0"));
  EXPECT_EQ(host_.device("eth0").error().code, ENODEV);
  EXPECT_EQ(pair_.primary.mtu(), 1500U);
  EXPECT_NE(pair_.primary.flags() & kIffUp, 0U);
}

TEST_F(Api, packets_go_through_both_ways_with_their_metadata) {
  Port pod = pair_.peer.open_port().value();
  Port host = pair_.primary.open_port().value();
  ASSERT_TRUE(pod.send(frame(7)));
  const auto there = host.receive(5s);
  ASSERT_TRUE(there) << describe(there.error());
  EXPECT_EQ(there->bytes, frame(7).bytes);
  ASSERT_TRUE(host.send(frame(9)));
  const auto back = pod.receive(5s);
  ASSERT_TRUE(back) << describe(back.error());
  EXPECT_EQ(back->bytes, frame(9).bytes);
  EXPECT_EQ(pair_.peer.statistics().tx_packets, 1U);
  EXPECT_EQ(pair_.primary.statistics().rx_packets, 1U);
}

TEST_F(Api, a_port_can_be_waited_for_and_says_when_nothing_came) {
  Port pod = pair_.peer.open_port().value();
  Port host = pair_.primary.open_port().value();
  EXPECT_EQ(host.receive().error().code, EAGAIN);
  ASSERT_TRUE(pod.send(frame(1)));
  pollfd waiting{host.poll_fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&waiting, 1, 5000), 1);
  EXPECT_TRUE(host.receive());
}

TEST_F(Api, one_port_for_a_device) {
  {
    const Port port = pair_.peer.open_port().value();
    EXPECT_EQ(pair_.peer.open_port().error().code, EBUSY);
  }
  EXPECT_TRUE(pair_.peer.open_port());
}

TEST_F(Api, a_frame_without_header_and_one_too_long_are_refused) {
  Port port = pair_.peer.open_port().value();
  EXPECT_EQ(port.send({.bytes = std::vector<std::uint8_t>(13)}).error().code, EINVAL);
  EXPECT_EQ(port.send({}).error().code, EINVAL);
  EXPECT_EQ(port.send({.bytes = std::vector<std::uint8_t>(524289)}).error().code, EMSGSIZE);
  EXPECT_EQ(port.send({.bytes = std::vector<std::uint8_t>(64), .gso_size = 10}).error().code, EINVAL);
}

TEST_F(Api, a_link_judges_packets_until_it_goes) {
  const Object object = engine_.load(kDropAll).value();
  const Program drop = object.program("drop_all").value();
  Port pod = pair_.peer.open_port().value();
  Port host = pair_.primary.open_port().value();
  {
    const Link link = pair_.primary.attach(AttachPoint::kNetkitPeer, drop).value();
    EXPECT_NE(link.id(), 0U);
    EXPECT_EQ(link.ifindex(), pair_.peer.ifindex());
    ASSERT_TRUE(pod.send(frame(1)));
    EXPECT_EQ(host.receive(50ms).error().code, EAGAIN);
    EXPECT_EQ(drop.counters().runs, 1U);
    const Statistics statistics = pair_.peer.statistics();
    ASSERT_EQ(statistics.drops.size(), 1U);
    EXPECT_EQ(statistics.drops[0].reason, "verdict");
  }
  ASSERT_TRUE(pod.send(frame(2)));
  EXPECT_TRUE(host.receive(5s));
}

TEST_F(Api, positions_order_a_list_and_revisions_guard_it) {
  const Program first = engine_.load(kDropAll).value().program("drop_all").value();
  const Program second = engine_.load(kDropAll).value().program("drop_all").value();
  const Program third = engine_.load(kDropAll).value().program("drop_all").value();
  const auto point = AttachPoint::kNetkitPrimary;
  ASSERT_TRUE(pair_.primary.attach_permanently(point, first));
  ASSERT_TRUE(pair_.primary.attach_permanently(point, second, Position::head().expecting(2)));
  EXPECT_EQ(pair_.primary.attach_permanently(point, third, Position::head().expecting(2)).error().code,
            ESTALE);
  ASSERT_TRUE(pair_.primary.attach_permanently(point, third, Position::before(first)));
  const auto ids = [&] {
    const Attached attached = pair_.primary.attached(point).value();
    std::vector<std::uint32_t> programs;
    for (const Attached::Entry& entry : attached.entries) programs.push_back(entry.program);
    return programs;
  };
  EXPECT_THAT(ids(), ElementsAre(second.id(), third.id(), first.id()));
  ASSERT_TRUE(pair_.primary.detach(point, third));
  ASSERT_TRUE(pair_.primary.attach_permanently(point, third, Position::replace(second)));
  EXPECT_THAT(ids(), ElementsAre(third.id(), first.id()));
  EXPECT_EQ(pair_.primary.attached(point)->revision, 6U);
}

TEST_F(Api, the_peer_manages_nothing) {
  const Program program = engine_.load(kDropAll).value().program("drop_all").value();
  EXPECT_EQ(pair_.peer.attach(AttachPoint::kNetkitPeer, program).error().code, EACCES);
}

TEST_F(Api, a_link_takes_another_program_and_is_defunct_without_its_device) {
  const Program first = engine_.load(kDropAll).value().program("drop_all").value();
  const Program second = engine_.load(kDropAll).value().program("drop_all").value();
  Link link = pair_.primary.attach(AttachPoint::kNetkitPrimary, first).value();
  ASSERT_TRUE(link.update(second));
  EXPECT_EQ(pair_.primary.attached(AttachPoint::kNetkitPrimary)->entries[0].program, second.id());
  ASSERT_TRUE(pair_.primary.remove());
  EXPECT_EQ(link.ifindex(), 0U);
  EXPECT_EQ(link.update(first).error().code, ENOLINK);
  EXPECT_TRUE(link.detach());
}

TEST_F(Api, a_pin_outlives_its_handle) {
  {
    const Program program = engine_.load(kDropAll).value().program("drop_all").value();
    ASSERT_TRUE(program.pin("/sys/fs/bpf/drop"));
    EXPECT_EQ(program.pin("/sys/fs/bpf/drop").error().code, EEXIST);
  }
  const auto again = engine_.pinned_program("/sys/fs/bpf/drop");
  ASSERT_TRUE(again) << describe(again.error());
  EXPECT_EQ(again->name(), "drop_all");
  EXPECT_EQ(engine_.pinned_map("/sys/fs/bpf/drop").error().code, EINVAL);
  EXPECT_EQ(engine_.pinned_program("/sys/fs/bpf/none").error().code, ENOENT);
}

TEST_F(Api, maps_are_read_and_written) {
  const Object object = engine_.load(kPodPolicy).value();
  for (const Map& map : object.maps()) {
    SCOPED_TRACE(map.name());
    EXPECT_EQ(engine_.map(map.id())->name(), map.name());
    std::size_t entries = 0;
    EXPECT_TRUE(map.for_each([&](auto key, auto value) {
      EXPECT_EQ(key.size(), map.key_size());
      EXPECT_EQ(value.size(), map.value_size());
      return ++entries < 10;
    }));
  }
  EXPECT_EQ(object.map("nothing").error().code, ENOENT);
  EXPECT_NE(object.map("nothing").error().text.find("there are:"), std::string::npos);
}

TEST_F(Api, devices_are_changed_moved_and_deleted_as_by_ip_link) {
  ASSERT_TRUE(pair_.peer.set_mtu(9000));
  EXPECT_EQ(pair_.peer.mtu(), 9000U);
  EXPECT_EQ(pair_.peer.set_mtu(67).error().text, "mtu less than device minimum");
  EXPECT_EQ(pair_.peer.set_mac({2, 0, 0, 0, 0, 1}).error().code, EOPNOTSUPP);
  ASSERT_TRUE(pair_.peer.rename("pod0"));
  const Namespace other = engine_.add_namespace("other").value();
  ASSERT_TRUE(pair_.peer.move(other));
  EXPECT_TRUE(other.device("pod0"));
  ASSERT_TRUE(pair_.primary.remove());
  EXPECT_EQ(other.device("pod0").error().code, ENODEV);
  EXPECT_EQ(pair_.peer.set_up().error().code, ENODEV);
  EXPECT_EQ(pair_.peer.name(), "pod0");
}

TEST_F(Api, a_namespace_goes_with_everything_in_it) {
  Port pod = pair_.peer.open_port().value();
  ASSERT_TRUE(pod_.remove());
  EXPECT_EQ(host_.device("nk0").error().code, ENODEV);
  EXPECT_EQ(pod.send(frame(1)).error().code, ENODEV);
  EXPECT_EQ(pod_.remove().error().code, ENOENT);
}

TEST_F(Api, a_single_device_stands_alone) {
  const Device single = host_.add_single_netkit({.name = "alone"}).value();
  EXPECT_EQ(single.name(), "alone");
  EXPECT_EQ(host_.devices().size(), 3U);
}

TEST_F(Api, what_cannot_be_loaded_says_why) {
  EXPECT_EQ(engine_.load("/nowhere.o").error().code, ENOENT);
  EXPECT_EQ(engine_.load("/dev/null").error().code, ENOEXEC);
  EXPECT_EQ(engine_.load(kDropAll, {.programs = {"no_such"}}).error().code, ENOENT);
}

TEST(ApiTrace, a_program_that_prints_sends_copies_too) {
  struct Lines {
    std::mutex lock;
    std::vector<std::string> all;
  } lines;
  const auto note = [](void* self, std::string_view line) {
    auto& to = *static_cast<Lines*>(self);
    const std::lock_guard locked(to.lock);
    to.all.emplace_back(line);
  };
  Engine engine = Engine::start({.workers = 1, .trace = note, .trace_self = &lines}).value();
  Namespace host = engine.add_namespace("host").value();
  Namespace pod = engine.add_namespace("pod").value();
  NetkitPair pair = host.add_netkit({.name = "nk0", .peer = {.name = "eth0", .netns = &pod}}).value();
  ASSERT_TRUE(pair.primary.set_up());
  ASSERT_TRUE(pair.peer.set_up());
  const Object object = engine
                            .load(NETKIT_BINARY_DIR "/tests/api/api_clone.o",
                                  {.variables = {{"target", pair.primary.ifindex()}}})
                            .value();
  const Link link =
      pair.primary.attach(AttachPoint::kNetkitPeer, object.program("clone_and_drop").value()).value();
  Port to = pair.primary.open_port().value();
  Port from = pair.peer.open_port().value();
  ASSERT_TRUE(from.send(frame(3)));
  const auto copy = to.receive(5s);
  ASSERT_TRUE(copy) << describe(copy.error());
  EXPECT_EQ(copy->bytes, frame(3).bytes);
  EXPECT_EQ(to.receive(50ms).error().code, EAGAIN) << "the packet itself is dropped";
  const std::lock_guard locked(lines.lock);
  EXPECT_THAT(lines.all, ElementsAre("clone: 0"));
}

TEST(ApiLife, handles_keep_the_engine) {
  auto device = [] {
    Engine engine = Engine::start({.workers = 1}).value();
    return engine.add_namespace("host").value().add_single_netkit().value();
  }();
  EXPECT_EQ(device.name(), "nk0");
  EXPECT_TRUE(device.set_up());
}

}  // namespace
}  // namespace netkit::v1
