#include "runner/netkit_request.h"

#include "control/link.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::runner {
namespace {

using namespace control;

std::uint32_t policy_of(const topology::End& end) {
  return static_cast<std::uint32_t>(end.policy == topology::Policy::kBlackhole ? device::NetkitPolicy::kDrop
                                                                               : device::NetkitPolicy::kPass);
}

std::uint32_t scrub_of(const topology::End& end) {
  return static_cast<std::uint32_t>(end.scrub == topology::Scrub::kNone ? device::NetkitScrub::kNone
                                                                        : device::NetkitScrub::kDefault);
}

// Attributes of one end that are not netkit's own.
AttributeWriter generic(Client& client, const topology::End& end, const EndPlace& place) {
  AttributeWriter attributes;
  attributes.text(kIflaIfname, place.name)
      .u32(kIflaMtu, end.mtu)
      .u32(kIflaNumRxQueues, end.queues)
      .u32(kIflaNetNsFd, static_cast<std::uint32_t>(client.open(place.netns)));
  if (place.mac) attributes.bytes(kIflaAddress, place.mac->bytes);
  return attributes;
}

IfInfo header(const EndPlace& place) {
  IfInfo info;
  info.index = static_cast<std::int32_t>(place.ifindex);
  return info;
}

}  // namespace

Result<MadeNetkit> create_netkit(device::Network& network, const topology::Topology& topology,
                                 const topology::Netkit& netkit, const EndPlace& primary,
                                 const EndPlace& peer) {
  System system{network};
  Client client(system, primary.netns);
  const topology::End& primary_end = topology.ends[netkit.primary];
  AttributeWriter data;
  data.u32(kNetkitMode,
           static_cast<std::uint32_t>(netkit.mode == topology::Mode::kL2 ? device::NetkitMode::kL2
                                                                         : device::NetkitMode::kL3))
      .u16(kNetkitHeadroom, netkit.headroom)
      .u16(kNetkitTailroom, netkit.tailroom);
  if (netkit.peer) {
    const topology::End& peer_end = topology.ends[*netkit.peer];
    data.u32(kNetkitPolicy, policy_of(primary_end))
        .u32(kNetkitPeerPolicy, policy_of(peer_end))
        .u32(kNetkitScrub, scrub_of(primary_end))
        .u32(kNetkitPeerScrub, scrub_of(peer_end))
        .nest(kNetkitPeerInfo, header(peer), generic(client, peer_end, peer));
  } else {
    data.u32(kNetkitPairing, static_cast<std::uint32_t>(device::NetkitPairing::kSingle));
  }
  LinkRequest request;
  request.flags = kCreate | kExclusive;
  request.header = header(primary);
  request.attributes = generic(client, primary_end, primary);
  AttributeWriter info;
  info.text(kInfoKind, "netkit").nest(kInfoData, data);
  request.attributes.nest(kIflaLinkinfo, info);
  if (const auto created = new_link(client, request); !created) {
    Error error = created.error();
    error.text = primary_end.label + ": cannot be created" + (error.text.empty() ? "" : ": " + error.text);
    return std::unexpected(topology::locate(topology, netkit.where, std::move(error)));
  }

  const device::Rtnl rtnl = network.lock();
  MadeNetkit made;
  made.primary = primary.netns->find(rtnl, primary.name);
  if (netkit.peer) made.peer = peer.netns->find(rtnl, peer.name);
  return made;
}

}  // namespace netkit::runner
