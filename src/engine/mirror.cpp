#include "engine/mirror.h"

#include <algorithm>

#include "base/log.h"
#include "device/device.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::engine {
namespace {

// Flags that users switch on the interface and that the device shows; up goes through open and close.
constexpr device::DeviceFlag kAdoptedFlags[] = {device::kNoArp, device::kPromisc, device::kAllMulti,
                                                device::kMulticast};

bool has_own_mac(const device::Device& device) {
  const auto* netkit = dynamic_cast<const device::Netkit*>(&device);
  return netkit == nullptr || netkit->mode() == device::NetkitMode::kL2;
}

}  // namespace

Result<> KernelMirror::add_namespace(host::Nsid space, device::NamespaceRef netns) {
  const std::vector<host::LinkInfo> links = TRY(questions_.links(space));
  const device::Rtnl rtnl = network_.lock();
  // lo is there from the start, in both.
  for (const host::LinkInfo& link : links) {
    if (link.ifindex != device::kLoopbackIndex) netns->adopt_foreign(rtnl, link.ifindex, link.name);
  }
  namespaces_[space] = std::move(netns);
  return {};
}

void KernelMirror::add_device(host::Nsid space, const device::DeviceRef& device,
                              std::weak_ptr<host::TapPort> port) {
  devices_[{space, device->ifindex()}] = {device, std::move(port)};
}

Result<> KernelMirror::process() {
  std::vector<host::LinkEvent> events;
  TRY(monitor_.read(events));
  for (const host::LinkEvent& event : events) {
    std::visit([this](const auto& happened) { on(happened); }, event);
  }
  return {};
}

void KernelMirror::on(const host::LinkChanged& event) {
  const auto netns = namespaces_.find(event.space);
  if (netns == namespaces_.end()) return;
  const auto ours = devices_.find({event.space, event.link.ifindex});
  if (ours != devices_.end()) {
    adopt(ours->second, event.link);
  } else if (event.link.ifindex != device::kLoopbackIndex) {
    const device::Rtnl rtnl = network_.lock();
    netns->second->adopt_foreign(rtnl, event.link.ifindex, event.link.name);
  }
}

void KernelMirror::adopt(const Mirrored& mirrored, const host::LinkInfo& link) {
  device::Device& device = *mirrored.device;
  const device::Rtnl rtnl = network_.lock();
  if (!device.registered()) return;
  if (device.name() != link.name) device.netns()->adopt_name(rtnl, device, link.name);
  if (device.mtu() != link.mtu) device.adopt_mtu(rtnl, link.mtu);
  if (const auto port = mirrored.port.lock()) port->set_mac(link.mac);
  if (has_own_mac(device) && device.mac() != link.mac) device.adopt_mac(rtnl, link.mac);
  for (const device::DeviceFlag flag : kAdoptedFlags) {
    const bool on = (link.flags & flag) != 0;
    if (((device.flags() & flag) != 0) != on) device.set_flag(rtnl, flag, on);
  }
  if (device.is_up() == link.up()) return;
  if (const auto opened = device.set_up(rtnl, link.up()); !opened) {
    log::warning(device.name() + ": cannot be up: " + describe(opened.error()));
  }
}

void KernelMirror::on(const host::LinkGone& event) {
  const auto netns = namespaces_.find(event.space);
  if (netns == namespaces_.end()) return;
  const auto ours = devices_.find({event.space, event.link.ifindex});
  if (ours == devices_.end()) {
    const device::Rtnl rtnl = network_.lock();
    netns->second->forget_foreign(rtnl, event.link.ifindex);
    return;
  }
  const Mirrored mirrored = ours->second;
  devices_.erase(ours);
  if (!mirrored.device->registered()) return;
  if (event.moved) {
    follow(mirrored);
    return;
  }
  const device::Rtnl rtnl = network_.lock();
  (void)network_.delete_device(rtnl, *mirrored.device);
}

// The interface is in another namespace now, perhaps one that nobody has heard of.
void KernelMirror::follow(const Mirrored& mirrored) {
  const std::shared_ptr<host::TapPort> port = mirrored.port.lock();
  if (port == nullptr) return;
  const auto move = [&]() -> Result<> {
    const host::Location location = TRY(questions_.locate(port->queue_poll_fd(0)));
    const device::NamespaceRef target = TRY(namespace_of(location.space.nsid));
    {
      const device::Rtnl rtnl = network_.lock();
      target->forget_foreign(rtnl, location.link.ifindex);
      TRY(network_.move_device(rtnl, *mirrored.device, *target, location.link.name));
      if (mirrored.device->ifindex() != location.link.ifindex) {
        target->adopt_index(rtnl, *mirrored.device, location.link.ifindex);
      }
    }
    devices_[{location.space.nsid, location.link.ifindex}] = mirrored;
    adopt(mirrored, location.link);
    return {};
  };
  if (const auto moved = move(); !moved) {
    log::warning(mirrored.device->name() +
                 ": could not follow it to its new namespace: " + describe(moved.error()));
  }
}

Result<device::NamespaceRef> KernelMirror::namespace_of(host::Nsid space) {
  const auto known = namespaces_.find(space);
  if (known != namespaces_.end()) return known->second;
  device::NamespaceRef found;
  {
    const device::Rtnl rtnl = network_.lock();
    const std::string name = "nsid-" + std::to_string(static_cast<std::int32_t>(space));
    found = TRY(network_.add_namespace(rtnl, name, true));
  }
  TRY(add_namespace(space, found));
  return found;
}

void KernelMirror::on(const host::NamespaceGone& event) {
  const auto netns = namespaces_.find(event.space);
  if (netns == namespaces_.end()) return;
  log::warning("namespace " + netns->second->name() +
               " has gone, and the devices in it with their other ends");
  const device::Rtnl rtnl = network_.lock();
  network_.remove_namespace(rtnl, *netns->second);
  namespaces_.erase(netns);
  std::erase_if(devices_, [&](const auto& entry) { return entry.first.first == event.space; });
}

void KernelMirror::on(const host::EventsLost&) {
  std::vector<host::Nsid> spaces;
  for (const auto& [space, netns] : namespaces_) spaces.push_back(space);
  for (const host::Nsid space : spaces) read_anew(space);
}

void KernelMirror::read_anew(host::Nsid space) {
  const auto links = questions_.links(space);
  if (!links) {
    on(host::NamespaceGone{space});
    return;
  }
  std::vector<std::uint32_t> vanished;
  for (const auto& [place, mirrored] : devices_) {
    const auto is_it = [&](const host::LinkInfo& link) { return link.ifindex == place.second; };
    if (place.first == space && std::ranges::none_of(*links, is_it)) vanished.push_back(place.second);
  }
  for (const std::uint32_t ifindex : vanished) {
    host::LinkGone gone;
    gone.space = space;
    gone.link.ifindex = ifindex;
    on(gone);
  }
  for (const host::LinkInfo& link : *links) on(host::LinkChanged{space, link});
}

}  // namespace netkit::engine
