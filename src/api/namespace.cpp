#include "netkit/namespace.h"

#include "api/states.h"
#include "control/link.h"
#include "device/event.h"

namespace netkit::v1 {
namespace {

using control::AttributeWriter;

std::uint32_t number(auto value) {
  return static_cast<std::uint32_t>(value);
}

AttributeWriter common_data(const NetkitOptions& options) {
  AttributeWriter data;
  data.u32(control::kNetkitMode, number(options.mode))
      .u16(control::kNetkitHeadroom, options.headroom)
      .u16(control::kNetkitTailroom, options.tailroom)
      .u32(control::kNetkitPolicy, number(options.policy));
  return data;
}

// Makes what is asked for and answers the new devices in the order in which they appeared: the peer first,
// as in the kernel.
netkit::Result<std::vector<device::DeviceRef>> create(control::Client& client, const NetkitOptions& options,
                                                      const AttributeWriter& data) {
  std::vector<device::DeviceRef> made;
  const device::Subscription watching = client.network().subscribe([&](const device::Event& event) {
    const bool is_new =
        event.kind == device::EventKind::kNewLink && (event.changed & device::kChangedRegistered) != 0;
    if (is_new) made.push_back(event.device->shared_from_this());
  });
  control::LinkRequest request;
  request.flags = control::kCreate | control::kExclusive;
  request.attributes.text(control::kIflaIfname, options.name);
  if (options.mtu) request.attributes.u32(control::kIflaMtu, *options.mtu);
  AttributeWriter info;
  info.text(control::kInfoKind, "netkit").nest(control::kInfoData, data);
  request.attributes.nest(control::kIflaLinkinfo, info);
  TRY(control::new_link(client, request));
  return made;
}

}  // namespace

Namespace::Namespace(std::shared_ptr<const State> state) : state_(std::move(state)) {}
Namespace::~Namespace() = default;
Namespace::Namespace(const Namespace&) = default;
Namespace& Namespace::operator=(const Namespace&) = default;
Namespace::Namespace(Namespace&&) noexcept = default;
Namespace& Namespace::operator=(Namespace&&) noexcept = default;

std::string Namespace::name() const {
  return state_->netns->name();
}

Result<NetkitPair> Namespace::add_netkit(const NetkitOptions& options) const {
  const NetkitPeerOptions& peer = options.peer;
  const auto made = state_->engine->request_in(state_->netns, [&](control::Client& client) {
    const int peer_netns = client.open(peer.netns != nullptr ? peer.netns->state_->netns : state_->netns);
    AttributeWriter described;
    described.text(control::kIflaIfname, peer.name).u32(control::kIflaNetNsFd, number(peer_netns));
    if (peer.mtu) described.u32(control::kIflaMtu, *peer.mtu);
    AttributeWriter data = common_data(options);
    data.u32(control::kNetkitScrub, number(options.scrub))
        .u32(control::kNetkitPeerPolicy, number(peer.policy))
        .u32(control::kNetkitPeerScrub, number(peer.scrub))
        .nest(control::kNetkitPeerInfo, control::IfInfo{}, described);
    auto created = create(client, options, data);
    (void)client.close(peer_netns);
    return created;
  });
  if (!made) return detail::out(made.error());
  return NetkitPair{.primary = state_->handle(made->at(1)), .peer = state_->handle(made->at(0))};
}

Result<Device> Namespace::add_single_netkit(const NetkitOptions& options) const {
  const auto made = state_->engine->request_in(state_->netns, [&](control::Client& client) {
    AttributeWriter data = common_data(options);
    data.u32(control::kNetkitPairing, number(device::NetkitPairing::kSingle));
    return create(client, options, data);
  });
  if (!made) return detail::out(made.error());
  return state_->handle(made->front());
}

Result<Device> Namespace::device(std::string_view name) const {
  const device::Rtnl rtnl = state_->engine->network().lock();
  const device::DeviceRef device = state_->netns->find(rtnl, name);
  if (device == nullptr) return std::unexpected(Error{ENODEV, {}});
  return state_->handle(device);
}

std::vector<Device> Namespace::devices() const {
  const device::Rtnl rtnl = state_->engine->network().lock();
  std::vector<Device> devices;
  for (const device::DeviceRef& device : state_->netns->devices(rtnl))
    devices.push_back(state_->handle(device));
  return devices;
}

Result<> Namespace::remove() const {
  {
    const device::Rtnl rtnl = state_->engine->network().lock();
    if (state_->engine->network().find_namespace(rtnl, state_->netns->name()) != state_->netns)
      return std::unexpected(Error{ENOENT, "the namespace has gone"});
    state_->engine->network().remove_namespace(rtnl, *state_->netns);
  }
  state_->engine->collect();
  return {};
}

Device Namespace::State::handle(device::DeviceRef device) const {
  return Device(std::make_shared<const Device::State>(engine, std::move(device)));
}

}  // namespace netkit::v1
