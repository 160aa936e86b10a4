#include "runner/live_stage.h"

#include <poll.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "device/namespace.h"
#include "device/netkit.h"
#include "runner/netkit_request.h"
#include "runner/with_capture.h"

namespace netkit::runner {
namespace {

constexpr std::chrono::seconds kSettleLimit(5);
constexpr std::uint32_t kMaxTapMtu = 65521;  // 65535 less the Ethernet header

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

LiveStage::LiveStage(const topology::Topology& topology, std::string how, GuardedKeeper& keeper,
                     engine::Engine& engine, Interrupt& interrupt)
    : topology_(topology),
      how_(std::move(how)),
      keeper_(keeper),
      engine_(engine),
      interrupt_(interrupt),
      ends_(topology.ends.size()) {}

LiveStage::~LiveStage() = default;

Result<std::unique_ptr<LiveStage>> LiveStage::bring_up(const topology::Topology& topology, std::string how,
                                                       GuardedKeeper& keeper, engine::Engine& engine,
                                                       Interrupt& interrupt) {
  std::unique_ptr<LiveStage> stage(new LiveStage(topology, std::move(how), keeper, engine, interrupt));
  Fd monitor = TRY(keeper.with([](host::Keeper& held) { return held.open_monitor(); }));
  engine::KernelMirror::Questions questions{
      [&keeper](host::Nsid space) {
        return keeper.with([=](host::Keeper& held) { return held.links(space); });
      },
      [&keeper](int tap) { return keeper.with([=](host::Keeper& held) { return held.locate(tap); }); },
  };
  stage->mirror_.emplace(engine.network(), host::LinkMonitor(std::move(monitor)), std::move(questions));
  TRY(stage->make_namespaces());
  for (const topology::Netkit& netkit : topology.netkits) TRY(stage->make_netkit(netkit));
  stage->events_ =
      std::jthread([raw = stage.get()](const std::stop_token& stop) { raw->serve_events(stop); });
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
    {
      const device::Rtnl rtnl = engine_.network().lock();
      netnses_.push_back(TRY(engine_.network().add_namespace(rtnl, netns.name, true)));
    }
    TRY(mirror_->add_namespace(space->nsid, netnses_.back()));
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

Result<host::Tap> LiveStage::make_interface(const topology::Netkit& netkit, topology::EndIndex end) {
  const topology::End& wanted = topology_.ends[end];
  if (wanted.mtu > kMaxTapMtu) {
    const Error error{EINVAL,
                      wanted.label + ": an interface in a namespace takes an MTU of at most 65521, not " +
                          std::to_string(wanted.mtu) + "; lower it, or run with --require in-process",
                      ""};
    return std::unexpected(topology::locate(topology_, wanted.where, error));
  }
  host::TapRequest request;
  request.space = space_of(end);
  request.name = wanted.ifname;
  request.queues = wanted.queues;
  request.mac = wanted.mac;
  request.mtu = wanted.mtu;
  request.alias = "netkit " + wanted.label;
  request.arp = netkit.mode == topology::Mode::kL2;
  auto tap = keeper_.with([&](host::Keeper& keeper) { return keeper.make_tap(request); });
  if (tap) return tap;
  Error error = tap.error();
  error.text = wanted.label + " (" + wanted.ifname + "): " + error.text;
  return std::unexpected(topology::locate(topology_, wanted.where, std::move(error)));
}

// The peer first, so that numbers come out as from the kernel's driver.
Result<> LiveStage::make_netkit(const topology::Netkit& netkit) {
  const auto place_of = [&](topology::EndIndex end, const host::Tap& tap) {
    EndPlace place{netnses_[topology_.ends[end].netns], tap.link.name, tap.link.ifindex, std::nullopt};
    if (netkit.mode == topology::Mode::kL2) place.mac = tap.link.mac;
    return place;
  };
  std::optional<host::Tap> peer_tap;
  EndPlace peer;
  if (netkit.peer) {
    peer_tap = TRY(make_interface(netkit, *netkit.peer));
    peer = place_of(*netkit.peer, *peer_tap);
  }
  host::Tap tap = TRY(make_interface(netkit, netkit.primary));
  const MadeNetkit made =
      TRY(create_netkit(engine_.network(), topology_, netkit, place_of(netkit.primary, tap), peer));
  TRY(connect(netkit, netkit.primary, std::move(tap), made.primary));
  if (peer_tap) TRY(connect(netkit, *netkit.peer, std::move(*peer_tap), made.peer));
  return {};
}

Result<> LiveStage::connect(const topology::Netkit& netkit, topology::EndIndex end, host::Tap tap,
                            const device::DeviceRef& device) {
  host::TapPortOptions options;
  options.mac = tap.link.mac;
  options.l3 = netkit.mode == topology::Mode::kL3;
  std::unique_ptr<host::TapPort> tap_port = TRY(host::TapPort::make(std::move(tap.queues), options));
  host::TapPort* const raw = tap_port.get();
  const std::shared_ptr<Port> port = TRY(with_capture(std::move(tap_port), topology_, end));
  ends_[end] = {device, tap.link.mac};
  mirror_->add_device(space_of(end), device, std::shared_ptr<host::TapPort>(port, raw));
  engine_.connect(device, port);
  for (const IpPrefix& address : topology_.ends[end].addresses) {
    const auto added = keeper_.with(
        [&](host::Keeper& keeper) { return keeper.add_address(space_of(end), tap.link.ifindex, address); });
    if (!added) return std::unexpected(topology::locate(topology_, topology_.ends[end].where, added.error()));
  }
  return {};
}

// What the kernel takes only from an interface that is up.
Result<> LiveStage::configure(topology::EndIndex end) {
  const topology::End& wanted = topology_.ends[end];
  const std::uint32_t ifindex = ends_[end].device->ifindex();
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
  host::LinkChange up;
  up.up = true;
  for (topology::EndIndex end = 0; end < ends_.size(); ++end) {
    if (!topology_.ends[end].up) continue;
    TRY(keeper_.with([&](host::Keeper& keeper) {
      return keeper.change_link(space_of(end), ends_[end].device->ifindex(), up);
    }));
  }
  settle();
  for (topology::EndIndex end = 0; end < ends_.size(); ++end) {
    if (topology_.ends[end].up) TRY(configure(end));
  }
  return {};
}

Result<device::DeviceRef> LiveStage::device(topology::EndIndex end) {
  if (!ends_[end].device->registered()) return fail(ENODEV, topology_.ends[end].label + " has gone");
  return ends_[end].device;
}

Result<MacAddress> LiveStage::mac(topology::EndIndex end) {
  return ends_[end].mac;
}

std::uint64_t LiveStage::kernel_drops(topology::EndIndex end) {
  const auto link = keeper_.with(
      [&](host::Keeper& keeper) { return keeper.link(space_of(end), ends_[end].device->ifindex()); });
  return link ? link->stats.tx_dropped : 0;
}

// The devices are as the interfaces are, and the interfaces' carrier is as the devices'.
bool LiveStage::links_settled() {
  for (topology::EndIndex end = 0; end < ends_.size(); ++end) {
    const device::Device& device = *ends_[end].device;
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

void LiveStage::serve_events(const std::stop_token& stop) {
  std::array<pollfd, 3> waiting = {pollfd{mirror_->poll_fd(), POLLIN, 0},
                                   pollfd{engine_.poll_fd(), POLLIN, 0}, pollfd{keeper_.poll_fd(), 0, 0}};
  while (!stop.stop_requested()) {
    if (::poll(waiting.data(), waiting.size(), 50) <= 0) continue;
    if (waiting[0].revents != 0) {
      if (const auto heard = mirror_->process(); !heard) {
        interrupt_.request("the link monitor failed: " + describe(heard.error()));
        return;
      }
    }
    if (waiting[1].revents != 0) {
      for (const std::string& name : engine_.collect()) log::warning(name + ": its interface has gone");
    }
    if (waiting[2].revents != 0 && !stop.stop_requested()) {
      interrupt_.request("the keeper has died");
      return;
    }
  }
}

Result<> LiveStage::set_link(const topology::SetLink& step) {
  const device::DeviceRef device = TRY(this->device(step.end));
  if (step.policy) {
    const device::Rtnl rtnl = engine_.network().lock();
    dynamic_cast<device::Netkit&>(*device).set_policy(rtnl, *step.policy == topology::Policy::kBlackhole
                                                                ? device::NetkitPolicy::kDrop
                                                                : device::NetkitPolicy::kPass);
  }
  host::LinkChange change;
  change.up = step.up;
  change.mtu = step.mtu;
  change.mac = step.mac;
  if (!change.up && !change.mtu && !change.mac) return {};
  TRY(keeper_.with([&](host::Keeper& keeper) {
    return keeper.change_link(space_of(step.end), device->ifindex(), change);
  }));
  settle();
  return {};
}

}  // namespace netkit::runner
