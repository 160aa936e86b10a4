#include "device/netkit_create.h"

#include "device/namespace.h"

namespace netkit::device {
namespace {

std::shared_ptr<Netkit> make_end(Network& network, const NetkitSpec& spec, const NetkitEndSpec& end,
                                 Netkit::Role role) {
  DeviceSettings generic = end.generic;
  generic.flags = kBroadcast | kMulticast | kNoArp;
  if (spec.mode == NetkitMode::kL2) {
    generic.flags &= ~std::uint32_t{kNoArp};
    if (generic.mac.is_zero()) generic.mac = random_mac();
  }
  generic.tso_max_size = kTsoMaxSize;
  generic.needed_headroom = spec.headroom;
  generic.needed_tailroom = spec.tailroom;
  const NetkitSettings settings{
      .mode = spec.mode, .pairing = spec.pairing, .policy = end.policy, .scrub = end.scrub};
  const DeviceRef device = adopt_device(std::make_unique<Netkit>(network, generic, settings, role));
  return std::static_pointer_cast<Netkit>(device);
}

}  // namespace

Result<std::shared_ptr<Netkit>> create_netkit(const Rtnl& rtnl, Network& network, const NetkitSpec& spec) {
  const auto primary = make_end(network, spec, spec.primary, Netkit::Role::kPrimary);
  const auto register_end = [&](const DeviceRef& device, const NetkitEndSpec& end) {
    return network.register_device(rtnl, device, *end.netns, end.name, end.ifindex);
  };
  if (spec.pairing == NetkitPairing::kSingle) {
    TRY(register_end(primary, spec.primary));
    return primary;
  }
  const auto peer = make_end(network, spec, spec.peer, Netkit::Role::kPeer);
  TRY(register_end(peer, spec.peer));
  if (Result<> registered = register_end(primary, spec.primary); !registered) {
    (void)network.delete_device(rtnl, *peer);
    return std::unexpected(registered.error());
  }
  Netkit::join(rtnl, *primary, *peer);
  return primary;
}

}  // namespace netkit::device
