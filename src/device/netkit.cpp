#include "device/netkit.h"

#include <algorithm>

namespace netkit::device {

Netkit::Netkit(Network& network, DeviceSettings generic, NetkitSettings settings, Role role)
    : PairedDevice(network, generic),
      role_(role),
      mode_(settings.mode),
      pairing_(settings.pairing),
      scrub_(settings.scrub),
      headroom_wish_(generic.needed_headroom),
      policy_(settings.policy) {}

void Netkit::set_policy(const Rtnl& rtnl, NetkitPolicy policy) {
  policy_.store(policy, std::memory_order_relaxed);
  changed(rtnl, kChangedSettings);
}

Result<> Netkit::open(const Rtnl& rtnl) {
  if (pairing_ == NetkitPairing::kPair) return PairedDevice::open(rtnl);
  set_carrier(rtnl, true);
  return {};
}

Result<> Netkit::change_mac(const Rtnl& rtnl, const MacAddress& mac) {
  if (mode_ == NetkitMode::kL3) return fail(EOPNOTSUPP);
  return Device::change_mac(rtnl, mac);
}

void Netkit::uninit(const Rtnl& rtnl) {
  programs.release(rtnl);
}

// netkit_set_headroom
void Netkit::set_rx_headroom(const Rtnl& rtnl, int headroom) {
  headroom_wish_ = static_cast<std::uint32_t>(headroom < 0 ? kDefaultPacketPad : headroom);
  Netkit* const end = other();
  if (end == nullptr) return set_needed_room(rtnl, headroom_wish_, needed_tailroom());
  const std::uint32_t needed = std::max(headroom_wish_, end->headroom_wish_);
  set_needed_room(rtnl, needed, needed_tailroom());
  end->set_needed_room(rtnl, needed, end->needed_tailroom());
}

}  // namespace netkit::device
