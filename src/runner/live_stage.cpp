#include "runner/live_stage.h"

#include <algorithm>

#include "base/log.h"
#include "device/namespace.h"
#include "device/netkit.h"
#include "runner/netkit_request.h"
#include "runner/with_capture.h"

namespace netkit::runner {
namespace {

constexpr std::chrono::seconds kSettleLimit(5);

host::Route kernel_route(const topology::Route& route, std::uint32_t ifindex) {
  host::Route wanted;
  wanted.destination = route.to;
  wanted.gateway = route.via;
  wanted.source = route.source;
  wanted.ifindex = ifindex;
  wanted.metric = route.metric.value_or(0);
  wanted.onlink = route.onlink;
  return wanted;
}

}  // namespace

LiveStage::LiveStage(const topology::Topology& topology, std::string how, engine::LiveNetwork& live,
                     engine::Engine& engine, control::System& system, Interrupt& interrupt)
    : topology_(topology),
      how_(std::move(how)),
      live_(live),
      keeper_(live.keeper()),
      engine_(engine),
      system_(system),
      interrupt_(interrupt),
      devices_(topology.ends.size()) {}

LiveStage::~LiveStage() {
  live_.wrap_ports(nullptr);
}

Result<std::unique_ptr<LiveStage>> LiveStage::bring_up(const topology::Topology& topology, std::string how,
                                                       engine::LiveNetwork& live, engine::Engine& engine,
                                                       control::System& system, Interrupt& interrupt) {
  std::unique_ptr<LiveStage> stage(new LiveStage(topology, std::move(how), live, engine, system, interrupt));
  live.wrap_ports(
      [raw = stage.get()](const device::Namespace& netns, std::string_view name, std::unique_ptr<Port> port) {
        return raw->wrap(netns, name, std::move(port));
      });
  TRY(stage->make_namespaces());
  for (const topology::Netkit& netkit : topology.netkits) TRY(stage->make_netkit(netkit));
  return stage;
}

Result<host::Space> LiveStage::open_space(const topology::Namespace& netns) {
  return keeper_.with([&](host::Keeper& keeper) -> Result<host::Space> {
    if (std::holds_alternative<topology::SelfNamespace>(netns.origin))
      return keeper.use_own_namespace(netns.name);
    if (const auto* named = std::get_if<topology::NamedNamespace>(&netns.origin)) {
      return keeper.use_namespace(netns.name, std::string(host::kNetnsDirectory) + "/" + named->name);
    }
    if (const auto* path = std::get_if<topology::NamespacePath>(&netns.origin)) {
      return keeper.use_namespace(netns.name, path->path.string());
    }
    if (const auto* process = std::get_if<topology::NamespaceOfProcess>(&netns.origin)) {
      return keeper.use_namespace(netns.name, "/proc/" + std::to_string(process->pid) + "/ns/net");
    }
    return keeper.make_namespace(topology_.name + "-" + netns.name);
  });
}

Result<> LiveStage::make_namespaces() {
  for (const topology::Namespace& netns : topology_.namespaces) {
    const auto space = open_space(netns);
    if (!space) return std::unexpected(topology::locate(topology_, netns.where, space.error()));
    spaces_.push_back(*space);
    netnses_.push_back(TRY(live_.mirror_of(*space, netns.name)));
    for (const topology::Sysctl& sysctl : netns.sysctls) {
      std::string key = sysctl.name.substr(std::string_view("net.").size());
      std::ranges::replace(key, '.', '/');
      const auto set = keeper_.with(
          [&](host::Keeper& keeper) { return keeper.set_sysctl(space->nsid, key, sysctl.value); });
      if (!set) return std::unexpected(topology::locate(topology_, sysctl.where, set.error()));
    }
    if (!std::holds_alternative<topology::MadeNamespace>(netns.origin)) continue;
    host::LinkChange up;
    up.up = true;
    TRY(keeper_.with(
        [&](host::Keeper& keeper) { return keeper.change_link(space->nsid, device::kLoopbackIndex, up); }));
  }
  return {};
}

Result<> LiveStage::check_mtu(topology::EndIndex end) const {
  const topology::End& wanted = topology_.ends[end];
  if (wanted.mtu <= engine::kMaxInterfaceMtu) return {};
  const Error error{EINVAL,
                    wanted.label + ": an interface in a namespace takes an MTU of at most " +
                        std::to_string(engine::kMaxInterfaceMtu) + ", not " + std::to_string(wanted.mtu) +
                        "; lower it, or run with --require in-process",
                    ""};
  return std::unexpected(topology::locate(topology_, wanted.where, error));
}

Result<> LiveStage::make_netkit(const topology::Netkit& netkit) {
  TRY(check_mtu(netkit.primary));
  if (netkit.peer) TRY(check_mtu(*netkit.peer));
  const MadeNetkit made = TRY(create_netkit(system_, topology_, netkit, netnses_));
  TRY(adopt(netkit.primary, made.primary));
  if (netkit.peer) TRY(adopt(*netkit.peer, made.peer));
  return {};
}

Result<std::unique_ptr<Port>> LiveStage::wrap(const device::Namespace& netns, std::string_view name,
                                              std::unique_ptr<Port> port) const {
  for (topology::EndIndex end = 0; end < topology_.ends.size(); ++end) {
    const topology::End& wanted = topology_.ends[end];
    if (netnses_[wanted.netns].get() == &netns && wanted.ifname == name)
      return with_capture(std::move(port), topology_, end);
  }
  return port;
}

Result<> LiveStage::adopt(topology::EndIndex end, const device::DeviceRef& device) {
  devices_[end] = device;
  const topology::End& wanted = topology_.ends[end];
  {
    const device::Rtnl rtnl = engine_.network().lock();
    TRY(device->set_alias(rtnl, "netkit " + wanted.label));
  }
  for (const IpPrefix& address : wanted.addresses) {
    const auto added = keeper_.with(
        [&](host::Keeper& keeper) { return keeper.add_address(space_of(end), device->ifindex(), address); });
    if (!added) return std::unexpected(topology::locate(topology_, wanted.where, added.error()));
  }
  return {};
}

// What the kernel takes only from an interface that is up.
Result<> LiveStage::configure(topology::EndIndex end) {
  const topology::End& wanted = topology_.ends[end];
  const std::uint32_t ifindex = devices_[end]->ifindex();
  for (const topology::Route& route : wanted.routes) {
    const auto added = keeper_.with(
        [&](host::Keeper& keeper) { return keeper.add_route(space_of(end), kernel_route(route, ifindex)); });
    if (!added) return std::unexpected(topology::locate(topology_, route.where, added.error()));
  }
  for (const topology::StaticNeighbour& neighbour : wanted.neighbours) {
    const auto added = keeper_.with([&](host::Keeper& keeper) {
      return keeper.add_neighbour(space_of(end), {neighbour.address, neighbour.lladdr, ifindex});
    });
    if (!added) return std::unexpected(topology::locate(topology_, neighbour.where, added.error()));
  }
  return {};
}

Result<> LiveStage::set_links_up() {
  for (topology::EndIndex end = 0; end < devices_.size(); ++end) {
    if (!topology_.ends[end].up) continue;
    const device::Rtnl rtnl = engine_.network().lock();
    TRY(devices_[end]->set_up(rtnl, true));
  }
  settle();
  for (topology::EndIndex end = 0; end < devices_.size(); ++end) {
    if (topology_.ends[end].up) TRY(configure(end));
  }
  return {};
}

Result<device::DeviceRef> LiveStage::device(topology::EndIndex end) {
  if (!devices_[end]->registered()) return fail(ENODEV, topology_.ends[end].label + " has gone");
  return devices_[end];
}

Result<MacAddress> LiveStage::mac(topology::EndIndex end) {
  return live_.interface_mac(*devices_[end]);
}

std::uint64_t LiveStage::kernel_drops(topology::EndIndex end) {
  const auto link = keeper_.with(
      [&](host::Keeper& keeper) { return keeper.link(space_of(end), devices_[end]->ifindex()); });
  return link ? link->stats.tx_dropped : 0;
}

// The devices are as the interfaces are, and the interfaces' carrier is as the devices'.
bool LiveStage::links_settled() {
  for (topology::EndIndex end = 0; end < devices_.size(); ++end) {
    const device::Device& device = *devices_[end];
    if (!device.registered()) continue;
    const auto link =
        keeper_.with([&](host::Keeper& keeper) { return keeper.link(space_of(end), device.ifindex()); });
    if (!link) return false;
    const bool same = link->up() == device.is_up() && link->mtu == device.mtu() &&
                      (!link->up() || link->carrier == device.carrier());
    if (!same) return false;
  }
  return true;
}

void LiveStage::settle() {
  const auto deadline = std::chrono::steady_clock::now() + kSettleLimit;
  while (!links_settled() && std::chrono::steady_clock::now() < deadline) {
    if (interrupt_.wait(std::chrono::milliseconds(5))) return;
  }
}

Result<> LiveStage::set_link(const topology::SetLink& step) {
  const device::DeviceRef device = TRY(this->device(step.end));
  TRY(change_link(system_, *device, step));
  settle();
  return {};
}

}  // namespace netkit::runner
