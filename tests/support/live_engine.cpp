#include "tests/support/live_engine.h"

#include <sys/mman.h>

#include <sstream>

#include "base/rcu.h"

namespace netkit::testing {

using control::AttributeWriter;
using control::Client;
using control::LinkRequest;
using device::NamespaceRef;

void LiveEngineTest::SetUp() {
  LiveTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  guarded_.emplace(hand_over_keeper());
  auto engine = engine::Engine::start({.workers = 1, .worker = {}});
  ASSERT_OK(engine);
  engine_ = *std::move(engine);
  const auto home = host::NetworkNamespace::current();
  ASSERT_OK(home);
  auto live =
      engine::LiveNetwork::start(*engine_, *guarded_, home->identity(), [this](const std::string& what) {
        const std::lock_guard guard(mutex_);
        troubles_.push_back(what);
      });
  ASSERT_OK(live);
  live_ = *std::move(live);
  system_.reset(new control::System{.network = engine_->network(), .kernel = live_.get()});
}

void LiveEngineTest::TearDown() {
  system_.reset();
  live_.reset();
  engine_.reset();
  rcu::drain();
  if (guarded_) {
    const auto stopped = guarded_->with([](host::Keeper& keeper) { return keeper.stop(); });
    if (troubles_.empty()) EXPECT_OK(stopped);
  }
  guarded_.reset();
  LiveTest::TearDown();
}

std::vector<std::string> LiveEngineTest::troubles() const {
  const std::lock_guard guard(mutex_);
  return troubles_;
}

NamespaceRef LiveEngineTest::make_netns(std::string_view name) {
  const auto made = live().make(unique(name));
  EXPECT_OK(made);
  if (!made) return nullptr;
  const auto nsid = live().nsid_of(**made);
  EXPECT_OK(shared_keeper().with(
      [&](host::Keeper& keeper) { return keeper.set_sysctl(*nsid, "ipv6/conf/default/disable_ipv6", "1"); }));
  EXPECT_OK(set_up(*made, "lo"));
  return *made;
}

Result<> LiveEngineTest::create_pair(const NamespaceRef& primary, const NamespaceRef& peer, Order order,
                                     std::string_view primary_name, std::string_view peer_name) {
  Client client = client_in(primary);
  order.generic.text(control::kIflaIfname, primary_name);
  AttributeWriter of_peer = control::name(peer_name);
  order.peer(of_peer.u32(control::kIflaNetNsFd, static_cast<std::uint32_t>(client.open(peer))));
  return new_link(client, order.request());
}

Result<> LiveEngineTest::set(const NamespaceRef& netns, std::string_view device,
                             const AttributeWriter& attributes, control::IfInfo header) {
  Client client = client_in(netns);
  const auto found = show(netns, device);
  if (!found) return std::unexpected(found.error());
  header.index = static_cast<std::int32_t>(found->ifindex);
  LinkRequest request;
  request.header = header;
  request.attributes = attributes;
  return set_link(client, request);
}

Result<> LiveEngineTest::set_up(const NamespaceRef& netns, std::string_view device, bool up) {
  control::IfInfo header;
  header.flags = up ? device::kUp : 0U;
  header.change = device::kUp;
  return set(netns, device, {}, header);
}

Result<> LiveEngineTest::move(const NamespaceRef& netns, std::string_view device,
                              const NamespaceRef& target) {
  Client client = client_in(netns);
  LinkRequest request;
  request.attributes.text(control::kIflaIfname, device)
      .u32(control::kIflaNetNsFd, static_cast<std::uint32_t>(client.open(target)));
  return set_link(client, request);
}

Result<> LiveEngineTest::remove(const NamespaceRef& netns, std::string_view device) {
  Client client = client_in(netns);
  LinkRequest request;
  request.attributes.text(control::kIflaIfname, device);
  return delete_link(client, request);
}

Result<control::LinkReport> LiveEngineTest::show(const NamespaceRef& netns, std::string_view device) {
  Client client = client_in(netns);
  LinkRequest request;
  request.attributes.text(control::kIflaIfname, device);
  return get_link(client, request);
}

host::Command LiveEngineTest::start_in(const NamespaceRef& netns, const std::vector<std::string>& arguments,
                                       int output) {
  const auto nsid = live().nsid_of(*netns);
  EXPECT_OK(nsid);
  if (!nsid) return {};
  Pod pod;
  pod.space.nsid = *nsid;
  auto command = shared_keeper().with(
      [&](host::Keeper& keeper) { return start_command(keeper, pod, arguments, output); });
  EXPECT_OK(command);
  return command ? *std::move(command) : host::Command{};
}

CommandResult LiveEngineTest::run_in(const NamespaceRef& netns, const std::vector<std::string>& arguments,
                                     std::chrono::milliseconds limit) {
  const Fd output(::memfd_create("output", MFD_CLOEXEC));
  const host::Command command = start_in(netns, arguments, output.get());
  CommandResult result;
  result.status = wait_for(command, limit);
  result.output = contents(output.get());
  return result;
}

void LiveEngineTest::ip(const NamespaceRef& netns, const std::string& words) {
  std::vector<std::string> arguments = {"ip"};
  std::istringstream stream(words);
  for (std::string word; stream >> word;) arguments.push_back(word);
  const CommandResult result = run_in(netns, arguments);
  EXPECT_EQ(result.status, 0) << "ip " << words << ": " << result.output;
}

Json LiveEngineTest::ip_link(const NamespaceRef& netns, std::string_view name) {
  const CommandResult result = run_in(netns, {"ip", "-d", "-j", "link", "show", "dev", std::string(name)});
  if (result.status != 0) return nullptr;
  const Json links = Json::parse(result.output, nullptr, false);
  return links.is_array() && links.size() == 1 ? links[0] : Json(nullptr);
}

void LiveEngineTest::configure(const NamespaceRef& netns, std::string_view device,
                               const std::string& address) {
  ip(netns, "addr add " + address + " dev " + std::string(device));
  EXPECT_OK(set_up(netns, device));
}

}  // namespace netkit::testing
