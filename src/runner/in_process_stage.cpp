#include "runner/in_process_stage.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>

#include "device/namespace.h"
#include "device/netkit.h"
#include "port/conversation.h"
#include "port/in_process.h"
#include "runner/netkit_request.h"
#include "runner/with_capture.h"

namespace netkit::runner {
namespace {

using topology::Showing;

constexpr std::chrono::milliseconds kSegmentTime(1000);  // for a recorded segment to arrive

Nanoseconds nanoseconds(std::chrono::milliseconds time) {
  return static_cast<Nanoseconds>(std::chrono::nanoseconds(time).count());
}

Traffic answered(const Exchanged& exchanged, std::uint32_t wanted) {
  Traffic traffic;
  traffic.showing = Showing::kRecordedPackets;
  traffic.arrived = exchanged.all() && exchanged.sent == wanted;
  traffic.nothing = exchanged.none();
  traffic.seen = std::to_string(exchanged.answered) + " of " + std::to_string(wanted) + " answered";
  return traffic;
}

Traffic not_here(std::string why) {
  Traffic traffic;
  traffic.showing = Showing::kNotHere;
  traffic.seen = std::move(why);
  return traffic;
}

// How well an end suits a destination: the length of the longest prefix that holds it, or nothing.
std::optional<int> fit(const topology::End& end, const IpAddress& to) {
  std::optional<int> best;
  const auto consider = [&](const IpPrefix& prefix) {
    if (prefix.contains(to)) best = std::max(best.value_or(-1), static_cast<int>(prefix.length));
  };
  for (const IpPrefix& address : end.addresses) consider(address);
  for (const topology::Route& route : end.routes) consider(route.to);
  return best;
}

}  // namespace

InProcessStage::InProcessStage(const topology::Topology& topology, std::string how, PacketPool& pool,
                               engine::Engine& engine, control::System& system)
    : topology_(topology),
      how_(std::move(how)),
      pool_(pool),
      engine_(engine),
      system_(system),
      stacks_(topology.ends.size()) {}

Result<std::unique_ptr<InProcessStage>> InProcessStage::bring_up(const topology::Topology& topology,
                                                                 std::string how, PacketPool& pool,
                                                                 engine::Engine& engine,
                                                                 control::System& system,
                                                                 const std::filesystem::path& recordings) {
  std::unique_ptr<InProcessStage> stage(new InProcessStage(topology, std::move(how), pool, engine, system));
  TRY(stage->read_recordings(recordings));
  for (const topology::Namespace& netns : topology.namespaces) {
    const device::Rtnl rtnl = engine.network().lock();
    stage->netnses_.push_back(TRY(engine.network().add_namespace(rtnl, netns.name)));
  }
  for (const topology::Netkit& netkit : topology.netkits) TRY(stage->make_netkit(netkit));
  return stage;
}

Result<> InProcessStage::read_recordings(const std::filesystem::path& share_directory) {
  for (const topology::Step& step : topology_.steps) {
    const auto* tcp = std::get_if<topology::Tcp>(&step.action);
    if (tcp == nullptr || recordings_.contains(tcp->recording)) continue;
    const std::string path =
        TRY(topology::find_file(topology_, tcp->recording, step.where, share_directory)).string();
    const auto read = [&]() -> Result<TcpRecording> {
      Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file) return fail_errno("opening " + path);
      return read_tcp_recording(std::move(file), path);
    };
    auto recording = read();
    if (!recording) return std::unexpected(topology::locate(topology_, step.where, recording.error()));
    recordings_.emplace(tcp->recording, *std::move(recording));
  }
  return {};
}

Result<> InProcessStage::make_netkit(const topology::Netkit& netkit) {
  const MadeNetkit made = TRY(create_netkit(system_, topology_, netkit, netnses_));
  TRY(connect(netkit.primary, made.primary));
  if (netkit.peer) TRY(connect(*netkit.peer, made.peer));
  return {};
}

Result<> InProcessStage::connect(topology::EndIndex end, const device::DeviceRef& device) {
  InProcessPorts ports = make_in_process_ports();
  stacks_[end].device = device;
  stacks_[end].port = std::move(ports.first);
  stacks_[end].host = make_host(end, *device, *stacks_[end].port);
  engine_.connect(device, TRY(with_capture(std::move(ports.second), topology_, end)));
  return {};
}

std::unique_ptr<EndHost> InProcessStage::make_host(topology::EndIndex end, const device::Device& device,
                                                   Port& port) {
  const topology::End& wanted = topology_.ends[end];
  EndHostOptions options;
  options.mac = device.mac();
  options.mtu = device.mtu();
  options.addresses = wanted.addresses;
  // A namespace answers for all its addresses on every device, and sends from them where a device has none.
  for (const topology::End& other : topology_.ends) {
    if (&other == &wanted || other.netns != wanted.netns) continue;
    for (const IpPrefix& address : other.addresses) {
      options.addresses.push_back({address.address, static_cast<std::uint8_t>(address.address.bits())});
    }
  }
  for (const topology::Route& route : wanted.routes) {
    if (route.via && route.to.length == 0) options.gateways.push_back(*route.via);
  }
  return std::make_unique<EndHost>(std::move(options), port, pool_);
}

Result<device::DeviceRef> InProcessStage::device(topology::EndIndex end) {
  if (!stacks_[end].device->registered()) return fail(ENODEV, topology_.ends[end].label + " has gone");
  return stacks_[end].device;
}

Result<MacAddress> InProcessStage::mac(topology::EndIndex end) {
  return stacks_[end].device->mac();
}

Result<> InProcessStage::set_links_up() {
  const device::Rtnl rtnl = engine_.network().lock();
  for (topology::EndIndex end = 0; end < stacks_.size(); ++end) {
    if (topology_.ends[end].up) TRY(stacks_[end].device->set_up(rtnl, true));
  }
  return {};
}

void InProcessStage::settle() {
  turn();
}

void InProcessStage::turn() {
  std::size_t moved = 0;
  for (const Stack& stack : stacks_) moved += stack.host->poll();
  // The workers are threads of their own; give them the CPU when there is nothing to do here.
  if (moved == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

Result<EndHost*> InProcessStage::host_towards(topology::NamespaceIndex from, const IpAddress& to) {
  EndHost* best = nullptr;
  int best_fit = -1;
  for (topology::EndIndex end = 0; end < stacks_.size(); ++end) {
    if (topology_.ends[end].netns != from) continue;
    const auto length = fit(topology_.ends[end], to);
    if (!length || *length <= best_fit) continue;
    best = stacks_[end].host.get();
    best_fit = *length;
  }
  if (best == nullptr) {
    return fail(ENETUNREACH,
                topology_.namespaces[from].name + " has no device that leads to " + to_string(to));
  }
  return best;
}

Result<Traffic> InProcessStage::ping(const topology::Ping& step, const IpAddress& to) {
  EndHost* const host = TRY(host_towards(step.path.from, to));
  const ConversationOptions options{step.count, step.size, nanoseconds(step.timeout)};
  return answered(netkit::ping(*host, to, options, [this] { turn(); }), step.count);
}

Result<Traffic> InProcessStage::udp(const topology::Udp& step, const IpAddress& to) {
  EndHost* const host = TRY(host_towards(step.path.from, to));
  const ConversationOptions options{step.count, step.size, nanoseconds(step.timeout)};
  return answered(udp_echo(*host, to, step.port, options, [this] { turn(); }), step.count);
}

Result<Traffic> InProcessStage::tcp(const topology::Tcp& step, const IpAddress& to) {
  if (step.baseline != topology::Baseline::kNone) return not_here("a rate needs real stacks");
  if (!step.path.to_end) return fail(EINVAL, "no device of this topology has the address " + to_string(to));
  EndHost* const client = TRY(host_towards(step.path.from, to));
  const TcpRecording& recording = recordings_.at(step.recording);
  const TcpOutcome outcome = play_tcp(*client, *stacks_[*step.path.to_end].host, to, step.port, recording,
                                      nanoseconds(kSegmentTime), [this] { turn(); });
  Traffic traffic;
  traffic.showing = Showing::kRecordedPackets;
  traffic.arrived = outcome.all;
  traffic.nothing = outcome.bytes_arrived == 0;
  traffic.seen = std::to_string(outcome.bytes_arrived) + " of " + std::to_string(recording.data_bytes()) +
                 " recorded bytes";
  return traffic;
}

Result<Traffic> InProcessStage::neighbour(const topology::Neighbour& step, const IpAddress& to) {
  EndHost* const host = TRY(host_towards(step.path.from, to));
  Traffic traffic;
  traffic.showing = Showing::kRecordedPackets;
  host->solicit(to);
  const auto deadline = std::chrono::steady_clock::now() + step.timeout;
  while (!host->neighbour(to) && std::chrono::steady_clock::now() < deadline) turn();
  const auto found = host->neighbour(to);
  traffic.nothing = !found;
  traffic.seen = found ? "resolved to " + to_string(*found) : "unresolved";
  if (!found) return traffic;
  traffic.arrived = true;
  if (!step.lladdr) return traffic;
  const auto* end = std::get_if<topology::EndIndex>(&*step.lladdr);
  traffic.arrived = *found == (end != nullptr ? TRY(mac(*end)) : std::get<MacAddress>(*step.lladdr));
  return traffic;
}

Result<Traffic> InProcessStage::exec(const topology::Exec&) {
  return not_here("a command needs a namespace");
}

Result<> InProcessStage::set_link(const topology::SetLink& step) {
  const device::DeviceRef device = TRY(this->device(step.end));
  TRY(change_link(system_, *device, step));
  // The stack above it sees the change.
  stacks_[step.end].host = make_host(step.end, *device, *stacks_[step.end].port);
  return {};
}

Result<int> InProcessStage::run_in_host(const std::vector<std::string>&) {
  return fail(EPERM, "a command needs a namespace");
}

}  // namespace netkit::runner
