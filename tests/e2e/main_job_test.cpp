// The main job by requests alone: two pods in kernel namespaces, what each sends judged and redirected by the
// policy program on its peer end. Lists are changed, devices moved and deleted while traffic flows, and
// nothing is lost that the lists let through: sent = delivered + the sum of all reasons.
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <iterator>
#include <map>

#include "bpf/isa/assembler.h"
#include "bpf/run/types.h"
#include "control/attach.h"
#include "control/map.h"
#include "control/program.h"
#include "device/mprog.h"
#include "tests/support/live_engine.h"
#include "tests/support/streams.h"

namespace netkit::testing {
namespace {

using control::AttachRequest;
using device::DeviceRef;
using device::NamespaceRef;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr auto kPeer = static_cast<std::uint32_t>(bpf::AttachType::kNetkitPeer);
constexpr microseconds kPace(500);  // the kernel queues 1,000 packets for an engine that gets no CPU

void let_traffic_flow(milliseconds time = milliseconds(40)) {
  std::this_thread::sleep_for(time);
}

std::vector<std::byte> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// One end of a pair, and the port that leads to its interface, also after both have gone.
struct End {
  DeviceRef device;
  std::shared_ptr<Port> port;
};

class MainJobTest : public LiveEngineTest {
 protected:
  void SetUp() override {
    LiveEngineTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    host_ = make_netns("host");
    client_ = std::make_unique<control::Client>(system(), host_);
    load_policy();
    drop_ = load("w0 = 2; exit");
    next_ = load("w0 = -1; exit");
    pod1_ = make_pod("pod1", "nk1", "10.0.1.2");
    pod2_ = make_pod("pod2", "nk2", "10.0.2.2");
  }
  void TearDown() override {
    ends_.clear();
    for (NamespaceRef* const netns : {&host_, &pod1_, &pod2_}) netns->reset();
    client_.reset();
    LiveEngineTest::TearDown();
  }

  void load_policy() {
    auto loaded = control::load_object(
        *client_, {.bytes = file_bytes(NETKIT_BINARY_DIR "/bpf/pod_policy.bpf.o"), .name = "pod_policy"});
    ASSERT_OK(loaded);
    policy_ = loaded->programs.at(0).fd;
    for (const control::NamedHandle& map : loaded->maps) {
      if (map.name == "destinations") destinations_ = map.fd;
    }
  }
  int load(std::string_view text) {
    const auto insns = bpf::assemble(text).value();
    const auto fd =
        control::load_program(*client_, {.prog_type = static_cast<std::uint32_t>(bpf::ProgramType::kSchedCls),
                                         .insns = insns,
                                         .license = "GPL",
                                         .prog_name = "verdict"});
    EXPECT_OK(fd);
    return fd.value_or(-1);
  }

  // A pod with its pair, as a container network makes it: nothing leaves before a program lets it.
  NamespaceRef make_pod(std::string_view name, std::string_view primary, const std::string& address) {
    NamespaceRef pod = make_netns(name);
    Order order;
    order.data.u32(control::kNetkitPeerPolicy, static_cast<std::uint32_t>(device::NetkitPolicy::kDrop));
    EXPECT_OK(create_pair(host_, pod, order, primary));
    EXPECT_OK(set_up(host_, primary));
    configure(pod, "eth0", address + "/32");
    ip(pod, "route add default dev eth0");
    ip(host_, "route add " + address + "/32 dev " + std::string(primary));
    ends_[std::string(primary)] = end_of(host_, primary);
    ends_[std::string(name)] = end_of(pod, "eth0");
    lead_to(address, primary);
    return pod;
  }
  End end_of(const NamespaceRef& netns, std::string_view name) {
    const device::Rtnl rtnl = engine().network().lock();
    const DeviceRef device = netns->find(rtnl, name);
    return {device, engine().port_of(*device)};
  }
  // What goes to that address is redirected to that device.
  void lead_to(const std::string& address, std::string_view device) {
    std::array<std::uint8_t, 20> key{128, 0, 0, 0};  // prefix length, IPv4-mapped address
    key[14] = key[15] = 0xff;
    const IpAddress parsed = *parse_ip(address);
    std::ranges::copy(parsed.bytes(), key.begin() + 16);
    const std::uint32_t ifindex = show(host_, device)->ifindex;
    EXPECT_OK(control::update_element(*client_, destinations_, std::as_bytes(std::span(key)),
                                      std::as_bytes(std::span(&ifindex, 1))));
  }

  AttachRequest at(std::string_view primary, int program, std::uint32_t flags = 0, int replace = 0) {
    return {.target_ifindex = show(host_, primary)->ifindex,
            .prog_fd = program,
            .attach_type = kPeer,
            .flags = flags,
            .replace_fd = replace};
  }
  void attach_policies() {
    ASSERT_OK(control::attach_program(*client_, at("nk1", policy_)));
    ASSERT_OK(control::attach_program(*client_, at("nk2", policy_)));
  }

  std::unique_ptr<UdpStream> udp(std::uint16_t port = 7000) {
    return std::make_unique<UdpStream>(socket_in(unique("pod1"), AF_INET, SOCK_DGRAM),
                                       socket_in(unique("pod2"), AF_INET, SOCK_DGRAM), "10.0.2.2", port,
                                       kPace);
  }
  std::unique_ptr<TcpStream> tcp() {
    return std::make_unique<TcpStream>(socket_in(unique("pod1"), AF_INET, SOCK_STREAM),
                                       socket_in(unique("pod2"), AF_INET, SOCK_STREAM), "10.0.2.2", 7001);
  }

  // Everything that was lost anywhere in the engine or at its interfaces, by reason.
  std::map<std::string, std::uint64_t> losses() {
    std::map<std::string, std::uint64_t> sum;
    const auto add = [&](const DropCounts& counts) {
      for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] != 0) sum[std::string(describe(static_cast<DropReason>(i)).name)] += counts[i];
      }
    };
    for (const auto& [name, end] : ends_) {
      add(end.device->transmit_totals().dropped);
      add(end.device->receive_totals().dropped);
      const PortCounters counters = end.port->counters();
      add(counters.dropped);
      add(counters.receive_dropped);
      if (!end.device->registered()) continue;
      const auto nsid = live().nsid_of(*end.device->netns());
      const auto link = shared_keeper().with(
          [&](host::Keeper& keeper) { return keeper.link(*nsid, end.device->ifindex()); });
      if (link && link->stats.tx_dropped != 0) sum["kernel_queue"] += link->stats.tx_dropped;
    }
    return sum;
  }
  static std::uint64_t total(const std::map<std::string, std::uint64_t>& reasons) {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : reasons) sum += count;
    return sum;
  }

  NamespaceRef host_, pod1_, pod2_;
  std::unique_ptr<control::Client> client_;
  std::map<std::string, End> ends_;
  int policy_ = -1, drop_ = -1, next_ = -1;
  int destinations_ = -1;
};

TEST_F(MainJobTest, NothingLeavesAPodBeforeItsProgramIsAttached) {
  const auto stream = udp();
  let_traffic_flow();
  stream->stop();
  EXPECT_EQ(stream->received(), 0U);
  EXPECT_EQ(losses(), (std::map<std::string, std::uint64_t>{{"policy", stream->sent()}}));
}

TEST_F(MainJobTest, ListsChangeUnderTrafficAndNothingIsLost) {
  attach_policies();
  const auto datagrams = udp();
  const auto connection = tcp();
  for (int round = 0; round < 10; ++round) {
    ASSERT_OK(control::attach_program(*client_, at("nk1", next_, device::kBefore)));
    let_traffic_flow();
    ASSERT_OK(control::attach_program(*client_, at("nk1", load("w0 = -1; exit"), device::kReplace, next_)));
    let_traffic_flow();
    const int other = load("w0 = -1; exit");
    AttachRequest behind = at("nk1", other, device::kAfter);
    behind.relative = static_cast<std::uint32_t>(policy_);
    ASSERT_OK(control::attach_program(*client_, behind));
    let_traffic_flow();
    ASSERT_OK(control::detach_program(*client_, at("nk1", other)));
    AttachRequest first = at("nk1", 0, device::kBefore);
    ASSERT_OK(control::detach_program(*client_, first));
    // A link comes, is changed, and goes.
    const auto link = control::create_link_at(*client_, at("nk1", next_, device::kBefore));
    ASSERT_OK(link);
    ASSERT_OK(control::update_link(*client_, {.link_fd = *link, .new_prog_fd = load("w0 = -1; exit")}));
    let_traffic_flow();
    ASSERT_OK(client_->close(*link));
  }
  datagrams->stop();
  connection->stop();
  EXPECT_GT(datagrams->sent(), 100U);
  EXPECT_EQ(datagrams->received(), datagrams->sent());
  EXPECT_EQ(datagrams->out_of_order(), 0U);
  EXPECT_GT(connection->sent(), 1'000'000U);
  EXPECT_EQ(connection->received(), connection->sent());
  EXPECT_FALSE(connection->broken());
  EXPECT_EQ(losses(), (std::map<std::string, std::uint64_t>{}));
}

TEST_F(MainJobTest, WhatAListDropsIsAllThatIsLost) {
  attach_policies();
  const auto stream = udp();
  for (int round = 0; round < 10; ++round) {
    ASSERT_OK(control::attach_program(*client_, at("nk1", drop_, device::kReplace, policy_)));
    let_traffic_flow();
    ASSERT_OK(control::attach_program(*client_, at("nk1", policy_, device::kReplace, drop_)));
    let_traffic_flow();
    ASSERT_OK(control::detach_program(*client_, at("nk1", policy_)));  // the policy of the pair drops
    let_traffic_flow();
    ASSERT_OK(control::attach_program(*client_, at("nk1", policy_)));
    let_traffic_flow();
  }
  stream->stop();
  const auto reasons = losses();
  EXPECT_EQ(stream->sent(), stream->received() + total(reasons));
  EXPECT_GT(stream->received(), 100U);
  for (const auto& [reason, count] : reasons)
    EXPECT_TRUE(reason == "verdict" || reason == "policy") << reason;
  EXPECT_EQ(reasons.size(), 2U);
}

TEST_F(MainJobTest, OtherPodsComeMoveAndGoBesideAStreamThatLosesNothing) {
  attach_policies();
  const auto datagrams = udp();
  const auto connection = tcp();
  for (int round = 0; round < 5; ++round) {
    const NamespaceRef third = make_netns("pod3");
    const NamespaceRef fourth = make_netns("pod4");
    ASSERT_OK(create_pair(host_, third, {}, "nk3"));
    ASSERT_OK(control::attach_program(*client_, at("nk3", policy_)));
    ASSERT_OK(set_up(host_, "nk3"));
    ASSERT_OK(set_up(third, "eth0"));
    ASSERT_OK(move(third, "eth0", fourth));
    ip(fourth, "link set eth0 netns " + unique("pod3"));
    EXPECT_OK(show(third, "eth0"));
    if (round % 2 == 0) ASSERT_OK(remove(third, "eth0"));
    ASSERT_OK(live().remove(*third));
    ASSERT_OK(live().remove(*fourth));
    EXPECT_TRUE(ip_link(host_, "nk3").is_null());
  }
  datagrams->stop();
  connection->stop();
  EXPECT_EQ(datagrams->received(), datagrams->sent());
  EXPECT_EQ(connection->received(), connection->sent());
  EXPECT_FALSE(connection->broken());
  EXPECT_EQ(losses(), (std::map<std::string, std::uint64_t>{}));
}

// The stream's own receiver moves away and comes back, then goes for good: every packet that the sender's end
// took was handed to an interface, or has its reason.
TEST_F(MainJobTest, AMovedAndADeletedPodAccountForEveryPacket) {
  attach_policies();
  const NamespaceRef elsewhere = make_netns("elsewhere");
  const auto stream = udp();
  for (int round = 0; round < 5; ++round) {
    let_traffic_flow();
    ASSERT_OK(move(pod2_, "eth0", elsewhere));
    let_traffic_flow();
    ASSERT_OK(set_up(elsewhere, "eth0"));
    let_traffic_flow();
    ASSERT_OK(move(elsewhere, "eth0", pod2_));
    configure(pod2_, "eth0", "10.0.2.2/32");
  }
  let_traffic_flow();
  const std::uint64_t before = stream->received();
  let_traffic_flow(milliseconds(200));
  EXPECT_GT(stream->received(), before) << "it does not arrive any more";
  ASSERT_OK(remove(pod2_, "eth0"));
  let_traffic_flow();
  stream->stop();
  const std::uint64_t delivered = ends_["pod2"].port->counters().sent_packets;
  const std::uint64_t taken = ends_["pod1"].port->counters().received_packets;
  auto reasons = losses();
  const std::uint64_t in_front = reasons["kernel_queue"];  // of the sender's interface: never taken
  EXPECT_EQ(taken + in_front, stream->sent());
  EXPECT_EQ(stream->sent(), delivered + total(reasons));
  EXPECT_GT(reasons["redirect_no_target"], 0U);
}

}  // namespace
}  // namespace netkit::testing
