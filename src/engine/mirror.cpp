#include "engine/mirror.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "device/device.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::engine {
namespace {

// Flags that users switch on the interface and that the device shows.
constexpr std::uint32_t kAdoptedFlags =
    device::kUp | device::kNoArp | device::kPromisc | device::kAllMulti | device::kMulticast;

bool shows_mac(const device::Device& device) {
  const auto* netkit = dynamic_cast<const device::Netkit*>(&device);
  return netkit != nullptr && netkit->mode() == device::NetkitMode::kL2;
}

template <class T>
bool note(std::optional<T>& change, const T& present, const T& wanted) {
  if (present == wanted) return false;
  change = wanted;
  return true;
}

// What the device has to follow; nothing: they are alike.
std::optional<device::InterfaceChange> difference(const device::Device& device, const host::LinkInfo& link) {
  device::InterfaceChange change;
  const device::DeviceSettings& settings = device.settings();
  bool differs = note(change.name, device.name(), link.name);
  differs |= note(change.alias, device.alias(), link.alias);
  differs |= note(change.mtu, device.mtu(), link.mtu);
  differs |= note(change.tx_queue_len, settings.tx_queue_len, link.tx_queue_len);
  differs |= note(change.group, settings.group, link.group);
  change.flags = link.flags & kAdoptedFlags;
  change.meant = (link.flags ^ device.flags()) & kAdoptedFlags;
  differs |= change.meant != 0;
  if (device.kind() == device::DeviceKind::kLoopback) return differs ? std::optional(change) : std::nullopt;
  differs |= note(change.broadcast, device.broadcast(), link.broadcast);
  differs |= note(change.gso_max_size, settings.gso_max_size, link.gso_max_size);
  differs |= note(change.gso_max_segs, settings.gso_max_segs, link.gso_max_segs);
  if (shows_mac(device)) differs |= note(change.mac, device.mac(), link.mac);
  return differs ? std::optional(change) : std::nullopt;
}

bool has_devices(const device::Rtnl& rtnl, const device::Namespace& netns) {
  return netns.devices(rtnl).size() > 1;  // than lo
}

}  // namespace

// ---- namespaces ----

Result<device::NamespaceRef> KernelMirror::mirror_of(const device::Rtnl& rtnl, const host::Space& space,
                                                     std::string_view name) {
  const auto known = namespaces_.find(space.nsid);
  if (known != namespaces_.end() && known->second.identity == space.identity) return known->second.netns;
  // The kernel gives the ids of namespaces that have gone to new ones.
  if (known != namespaces_.end()) forget(rtnl, *device::NamespaceRef(known->second.netns));
  const std::vector<host::LinkInfo> links =
      TRY(keeper_.with([&](host::Keeper& keeper) { return keeper.links(space.nsid); }));
  Result<device::NamespaceRef> netns = fail(EEXIST);
  for (const std::string_view candidate : {name, std::string_view(space.name)}) {
    if (!netns && !candidate.empty()) netns = network_.add_namespace(rtnl, std::string(candidate), true);
  }
  if (!netns) netns = network_.add_namespace(rtnl, describe(space.identity), true);
  namespaces_[space.nsid] = {TRY(netns), space.identity};
  for (const host::LinkInfo& link : links) adopt_other(rtnl, **netns, link);
  return netns;
}

Result<host::Nsid> KernelMirror::nsid_of(const device::Rtnl&, const device::Namespace& netns) const {
  for (const auto& [nsid, mirror] : namespaces_) {
    if (mirror.netns.get() == &netns) return nsid;
  }
  return fail(ESTALE, "network namespace '" + netns.name() + "' has gone");
}

void KernelMirror::forget(const device::Rtnl& rtnl, device::Namespace& netns) {
  const device::NamespaceRef keep = netns.shared_from_this();
  network_.remove_namespace(rtnl, netns);
  std::erase_if(namespaces_, [&](const auto& entry) { return entry.second.netns == keep; });
}

// ---- interfaces ----

std::optional<KernelMirror::Place> KernelMirror::place_of(const device::Device& device) const {
  for (const auto& [place, interface] : interfaces_) {
    if (interface.device.get() == &device) return place;
  }
  return std::nullopt;
}

void KernelMirror::add(const device::Rtnl& rtnl, Interface interface) {
  const auto nsid = nsid_of(rtnl, *interface.device->netns());
  if (!nsid) return;
  const std::uint32_t ifindex = interface.device->ifindex();
  interface.device->netns()->forget_foreign(rtnl, ifindex);
  interfaces_[{*nsid, ifindex}] = std::move(interface);
}

const Interface* KernelMirror::find(const device::Rtnl&, const device::Device& device) const {
  const auto place = place_of(device);
  return place ? &interfaces_.at(*place) : nullptr;
}

std::optional<Interface> KernelMirror::take(const device::Rtnl&, const device::Device& device) {
  const auto place = place_of(device);
  if (!place) return std::nullopt;
  return std::move(interfaces_.extract(*place).mapped());
}

void KernelMirror::adopt(const device::Rtnl& rtnl, device::Device& device, const host::LinkInfo& link) {
  if (const auto place = place_of(device)) {
    Interface& interface = interfaces_.at(*place);
    interface.mac = link.mac;
    if (const auto port = interface.port.lock()) port->set_mac(link.mac);
  }
  const auto change = difference(device, link);
  if (!change) return;
  if (const auto adopted = device.adopt(rtnl, *change); !adopted) {
    log::warning(device.name() + ": cannot be up: " + describe(adopted.error()));
  }
}

void KernelMirror::moved(const device::Rtnl&, const device::Device& device, const host::Location& location) {
  const auto place = place_of(device);
  if (!place) return;
  auto entry = interfaces_.extract(*place);
  entry.key() = {location.space.nsid, location.link.ifindex};
  interfaces_.insert(std::move(entry));
}

void KernelMirror::refresh(const device::Rtnl& rtnl, device::Device& device) {
  const Interface* const interface = find(rtnl, device);
  const std::shared_ptr<host::TapPort> port = interface != nullptr ? interface->port.lock() : nullptr;
  if (port == nullptr) return;
  const auto location =
      keeper_.with([&](host::Keeper& keeper) { return keeper.locate(port->queue_poll_fd(0)); });
  if (location) {
    if (const auto followed = follow(rtnl, device, *location); !followed) {
      log::warning(device.name() +
                   ": could not follow it to its new namespace: " + describe(followed.error()));
    }
  } else if (location.error().code == EBADFD) {
    log::warning(device.name() + ": its interface has gone");
    const auto gone = take(rtnl, device);
    (void)network_.delete_device(rtnl, device);
  }
}

// The interface may be in another namespace now, perhaps one that nobody has heard of.
Result<> KernelMirror::follow(const device::Rtnl& rtnl, device::Device& device,
                              const host::Location& location) {
  const device::NamespaceRef target = TRY(mirror_of(rtnl, location.space, location.space.name));
  if (target.get() != device.netns() || device.ifindex() != location.link.ifindex) {
    moved(rtnl, device, location);
    target->forget_foreign(rtnl, location.link.ifindex);
    network_.adopt_namespace(rtnl, device, *target, location.link.name, location.link.ifindex);
  }
  adopt(rtnl, device, location.link);
  return {};
}

// ---- events ----

Result<> KernelMirror::catch_up(const device::Rtnl& rtnl) {
  std::vector<host::LinkEvent> events;
  TRY(monitor_.read(events));
  for (const host::LinkEvent& event : events) {
    std::visit([&](const auto& happened) { on(rtnl, happened); }, event);
  }
  return {};
}

void KernelMirror::on(const device::Rtnl& rtnl, const host::LinkChanged& event) {
  const auto netns = namespaces_.find(event.space);
  if (netns == namespaces_.end()) return;
  const Place place{event.space, event.link.ifindex};
  const auto ours = interfaces_.find(place);
  if (ours != interfaces_.end()) {
    const bool alike = !difference(*ours->second.device, event.link) && ours->second.mac == event.link.mac;
    if (!alike) refresh(rtnl, *device::DeviceRef(ours->second.device));
  } else if (!netns->second.netns->has_foreign(rtnl, event.link.ifindex, event.link.name)) {
    ask(rtnl, place);
  }
}

void KernelMirror::on(const device::Rtnl& rtnl, const host::LinkGone& event) {
  const auto ours = interfaces_.find({event.space, event.link.ifindex});
  if (ours != interfaces_.end()) {
    refresh(rtnl, *device::DeviceRef(ours->second.device));
  } else {
    ask(rtnl, {event.space, event.link.ifindex});
  }
}

void KernelMirror::ask(const device::Rtnl& rtnl, Place place) {
  const auto [space, ifindex] = place;
  const auto netns = namespaces_.find(space);
  if (netns == namespaces_.end()) return;
  const auto link = keeper_.with([&](host::Keeper& keeper) { return keeper.link(space, ifindex); });
  if (link) {
    adopt_other(rtnl, *netns->second.netns, *link);
  } else if (link.error().code == ENODEV) {
    netns->second.netns->forget_foreign(rtnl, ifindex);
  }
}

// An interface that is not of our making: lo, which every namespace has, or a foreign one.
void KernelMirror::adopt_other(const device::Rtnl& rtnl, device::Namespace& netns,
                               const host::LinkInfo& link) {
  if (link.ifindex == device::kLoopbackIndex) {
    adopt(rtnl, *netns.find(rtnl, link.ifindex), link);
  } else {
    netns.adopt_foreign(rtnl, link.ifindex, link.name);
  }
}

void KernelMirror::on(const device::Rtnl& rtnl, const host::NamespaceGone& event) {
  const auto netns = namespaces_.find(event.space);
  if (netns == namespaces_.end()) return;
  // Its id may be another one's by now, which is mirrored already.
  const auto loopback =
      keeper_.with([&](host::Keeper& keeper) { return keeper.link(event.space, device::kLoopbackIndex); });
  if (loopback) return;
  const device::NamespaceRef gone = netns->second.netns;
  if (has_devices(rtnl, *gone)) {
    log::warning("namespace " + gone->name() + " has gone, and the devices in it with their other ends");
  }
  forget(rtnl, *gone);
}

void KernelMirror::on(const device::Rtnl& rtnl, const host::EventsLost&) {
  std::vector<host::Nsid> spaces;
  for (const auto& [space, mirror] : namespaces_) spaces.push_back(space);
  for (const host::Nsid space : spaces) read_anew(rtnl, space);
}

void KernelMirror::read_anew(const device::Rtnl& rtnl, host::Nsid space) {
  const auto links = keeper_.with([&](host::Keeper& keeper) { return keeper.links(space); });
  if (!links) return on(rtnl, host::NamespaceGone{space});
  const auto netns = namespaces_.find(space);
  if (netns == namespaces_.end()) return;
  for (const std::uint32_t ifindex : netns->second.netns->indices(rtnl)) {
    const auto is_it = [&](const host::LinkInfo& link) { return link.ifindex == ifindex; };
    if (std::ranges::any_of(*links, is_it)) continue;
    host::LinkGone gone;
    gone.space = space;
    gone.link.ifindex = ifindex;
    on(rtnl, gone);
  }
  for (const host::LinkInfo& link : *links) on(rtnl, host::LinkChanged{space, link});
}

}  // namespace netkit::engine
