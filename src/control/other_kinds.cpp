// The small kinds that scenarios use beside netkit: veth and dummy.
#include "control/link_kind.h"
#include "control/link_settings.h"
#include "device/dummy.h"
#include "device/veth.h"

namespace netkit::control {
namespace {

using device::DeviceRef;

constexpr Rule kVethPolicy[] = {{.type = kVethInfoPeer, .form = Form::kBinary, .min = sizeof(IfInfo)}};

device::DeviceSettings defaults() {
  device::DeviceSettings settings;
  settings.tso_max_size = device::kTsoMaxSize;
  return settings;
}

template <class Kind>
std::shared_ptr<Kind> make(device::Network& network, const device::DeviceSettings& settings) {
  return std::static_pointer_cast<Kind>(device::adopt_device(std::make_unique<Kind>(network, settings)));
}

// veth_newlink: the peer is registered first.
Result<DeviceRef> create_veth(const device::Rtnl& rtnl, const NewLink& request) {
  device::Network& network = request.network;
  const AttributeTable& attributes = request.attributes;
  const auto device = make<device::Veth>(network, TRY(settings_from(attributes, defaults(), {})));
  auto peer_settings = TRY(settings_from(request.peer_attributes, defaults(), {}));
  std::string_view peer_name = "veth%d";
  device::IfIndex peer_index = 0;
  if (request.peer_header) {
    peer_name = request.peer_attributes.text(kIflaIfname).value_or(peer_name);
    peer_index = static_cast<device::IfIndex>(request.peer_header->index);
  } else {
    peer_settings.mac = {};
  }
  const auto peer = make<device::Veth>(network, peer_settings);
  TRY(network.register_device(rtnl, peer, *request.peer_netns, peer_name, peer_index));
  const Result<> registered =
      network.register_device(rtnl, device, *request.netns, attributes.text(kIflaIfname).value_or("veth%d"),
                              static_cast<device::IfIndex>(request.header.index));
  if (!registered) {
    (void)network.delete_device(rtnl, *peer);
    return std::unexpected(registered.error());
  }
  device::PairedDevice::join(rtnl, *device, *peer);
  return device;
}

Result<DeviceRef> create_dummy(const device::Rtnl& rtnl, const NewLink& request) {
  device::DeviceSettings unlimited = defaults();
  unlimited.min_mtu = 0;
  unlimited.max_mtu = 0;
  const auto settings = TRY(settings_from(request.attributes, unlimited, {}));
  const auto device = make<device::Dummy>(request.network, settings);
  TRY(request.network.register_device(rtnl, device, *request.netns,
                                      request.attributes.text(kIflaIfname).value_or("dummy%d"),
                                      static_cast<device::IfIndex>(request.header.index)));
  return device;
}

}  // namespace

const LinkKind kVethKind{
    .name = "veth", .data_policy = kVethPolicy, .peer_attribute = kVethInfoPeer, .create = create_veth};
const LinkKind kDummyKind{.name = "dummy", .data_policy = {}, .create = create_dummy};

const LinkKind* find_link_kind(std::string_view name) {
  for (const LinkKind* const kind : {&kNetkitKind, &kVethKind, &kDummyKind}) {
    if (kind->name == name) return kind;
  }
  return nullptr;
}

}  // namespace netkit::control
