#include "runner/netkit_request.h"

#include "control/link.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::runner {
namespace {

using namespace control;

std::uint32_t number_of(topology::Policy policy) {
  return static_cast<std::uint32_t>(policy == topology::Policy::kBlackhole ? device::NetkitPolicy::kDrop
                                                                           : device::NetkitPolicy::kPass);
}

std::uint32_t scrub_of(const topology::End& end) {
  return static_cast<std::uint32_t>(end.scrub == topology::Scrub::kNone ? device::NetkitScrub::kNone
                                                                        : device::NetkitScrub::kDefault);
}

// Attributes of one end that are not netkit's own.
AttributeWriter generic(Client& client, const topology::End& end, const device::NamespaceRef& netns) {
  AttributeWriter attributes;
  attributes.text(kIflaIfname, end.ifname)
      .u32(kIflaMtu, end.mtu)
      .u32(kIflaNumRxQueues, end.queues)
      .u32(kIflaNetNsFd, static_cast<std::uint32_t>(client.open(netns)));
  if (end.mac) attributes.bytes(kIflaAddress, end.mac->bytes);
  return attributes;
}

AttributeWriter netkit_data(const AttributeWriter& data) {
  AttributeWriter info;
  info.text(kInfoKind, "netkit").nest(kInfoData, data);
  return info;
}

// "nk0 as nk0 in host", for errors.
std::string describe(const topology::End& end, const device::NamespaceRef& netns) {
  return end.label + " as " + end.ifname + " in " + netns->name();
}

IfInfo header_of(const device::Device& device) {
  IfInfo header;
  header.index = static_cast<std::int32_t>(device.ifindex());
  return header;
}

// Policies of both ends are changed through the primary.
Result<> change_policy(System& system, device::Netkit& end, topology::Policy policy) {
  const bool primary = end.role() == device::Netkit::Role::kPrimary;
  device::Netkit* const owner = primary ? &end : end.other();
  if (owner == nullptr) return fail(ENODEV, end.name() + " has gone");
  Client client(system, owner->netns()->shared_from_this());
  AttributeWriter data;
  data.u32(primary ? kNetkitPolicy : kNetkitPeerPolicy, number_of(policy));
  LinkRequest request;
  request.header = header_of(*owner);
  request.attributes.nest(kIflaLinkinfo, netkit_data(data));
  return new_link(client, request);
}

}  // namespace

Result<MadeNetkit> create_netkit(System& system, const topology::Topology& topology,
                                 const topology::Netkit& netkit,
                                 std::span<const device::NamespaceRef> netnses) {
  const topology::End& primary_end = topology.ends[netkit.primary];
  const device::NamespaceRef& primary_netns = netnses[primary_end.netns];
  Client client(system, primary_netns);
  std::string what = describe(primary_end, primary_netns);
  AttributeWriter data;
  data.u32(kNetkitMode,
           static_cast<std::uint32_t>(netkit.mode == topology::Mode::kL2 ? device::NetkitMode::kL2
                                                                         : device::NetkitMode::kL3))
      .u16(kNetkitHeadroom, netkit.headroom)
      .u16(kNetkitTailroom, netkit.tailroom);
  if (netkit.peer) {
    const topology::End& peer_end = topology.ends[*netkit.peer];
    data.u32(kNetkitPolicy, number_of(primary_end.policy))
        .u32(kNetkitPeerPolicy, number_of(peer_end.policy))
        .u32(kNetkitScrub, scrub_of(primary_end))
        .u32(kNetkitPeerScrub, scrub_of(peer_end))
        .nest(kNetkitPeerInfo, IfInfo{}, generic(client, peer_end, netnses[peer_end.netns]));
    what += " with " + describe(peer_end, netnses[peer_end.netns]);
  } else {
    data.u32(kNetkitPairing, static_cast<std::uint32_t>(device::NetkitPairing::kSingle));
  }
  LinkRequest request;
  request.flags = kCreate | kExclusive;
  request.attributes = generic(client, primary_end, primary_netns);
  request.attributes.nest(kIflaLinkinfo, netkit_data(data));
  if (const auto created = new_link(client, request); !created) {
    Error error = created.error();
    error.text = what + " cannot be created" + (error.text.empty() ? "" : ": " + error.text);
    return std::unexpected(topology::locate(topology, netkit.where, std::move(error)));
  }

  const device::Rtnl rtnl = system.network.lock();
  MadeNetkit made;
  made.primary = primary_netns->find(rtnl, primary_end.ifname);
  if (netkit.peer) {
    const topology::End& peer_end = topology.ends[*netkit.peer];
    made.peer = netnses[peer_end.netns]->find(rtnl, peer_end.ifname);
  }
  return made;
}

Result<> change_link(System& system, device::Device& device, const topology::SetLink& step) {
  if (step.policy) TRY(change_policy(system, dynamic_cast<device::Netkit&>(device), *step.policy));
  Client client(system, device.netns()->shared_from_this());
  LinkRequest request;
  request.header = header_of(device);
  if (step.mtu) request.attributes.u32(kIflaMtu, *step.mtu);
  if (step.mac) request.attributes.bytes(kIflaAddress, step.mac->bytes);
  if (step.up) {
    request.header.change = device::kUp;
    request.header.flags = *step.up ? device::kUp : 0U;
  }
  return control::set_link(client, request);
}

}  // namespace netkit::runner
