// Kind "netkit": creation and change, the driver's checks in its order (netkit_new_link, netkit_change_link;
// spec netkit-device.md sections 2 and 4).
#include <utility>

#include "control/link_kind.h"
#include "control/link_settings.h"
#include "device/netkit.h"
#include "device/netkit_create.h"

namespace netkit::control {
namespace {

using device::Netkit;
using device::NetkitMode;
using device::NetkitPairing;
using device::NetkitPolicy;
using device::NetkitScrub;

constexpr QueueLimits kQueueLimits{.tx = 1, .rx = 1024};

constexpr Rule kPolicy[] = {
    {.type = kNetkitPeerInfo, .form = Form::kBinary, .min = sizeof(IfInfo)},
    {.type = kNetkitPrimary, .form = Form::kReadOnly, .message = "Primary attribute is read-only"},
    {.type = kNetkitPolicy, .form = Form::kU32},
    {.type = kNetkitPeerPolicy, .form = Form::kU32},
    {.type = kNetkitMode, .form = Form::kU32, .max = std::to_underlying(NetkitMode::kL3)},
    {.type = kNetkitScrub, .form = Form::kU32, .max = std::to_underlying(NetkitScrub::kDefault)},
    {.type = kNetkitPeerScrub, .form = Form::kU32, .max = std::to_underlying(NetkitScrub::kDefault)},
    {.type = kNetkitHeadroom, .form = Form::kU16},
    {.type = kNetkitTailroom, .form = Form::kU16},
    {.type = kNetkitPairing, .form = Form::kU32, .max = std::to_underlying(NetkitPairing::kSingle)},
};

// What cannot be changed after creation, in the order in which it is refused.
struct Fixed {
  NetkitAttribute attribute;
  std::string_view what;
};
constexpr Fixed kFixed[] = {
    {kNetkitMode, "operating mode"}, {kNetkitScrub, "scrubbing"},   {kNetkitPeerScrub, "peer scrubbing"},
    {kNetkitPeerInfo, "peer info"},  {kNetkitHeadroom, "headroom"}, {kNetkitTailroom, "tailroom"},
    {kNetkitPairing, "pairing"},
};

// netkit_check_policy
Result<NetkitPolicy> policy_from(std::uint32_t value) {
  const auto policy = static_cast<NetkitPolicy>(value);
  if (policy == NetkitPolicy::kPass || policy == NetkitPolicy::kDrop) return policy;
  return fail(EINVAL, "Provided default xmit policy not supported");
}

template <class T>
T value_or(const AttributeTable& data, NetkitAttribute attribute, T absent) {
  const std::optional<std::uint32_t> value = data.number(attribute);
  return value ? static_cast<T>(*value) : absent;
}

device::DeviceSettings defaults() {
  device::DeviceSettings settings;
  settings.tso_max_size = device::kTsoMaxSize;
  return settings;
}

std::string name_from(const AttributeTable& attributes) {
  return std::string(attributes.text(kIflaIfname).value_or(device::kNetkitNameTemplate));
}

// Row D4: a single device takes nothing that is about another end or about what it transmits.
bool single_refuses(const NewLink& request, const AttributeTable& data, NetkitPolicy policy) {
  return request.peer_header || data.has(kNetkitPeerScrub) || data.has(kNetkitPeerPolicy) ||
         data.has(kNetkitScrub) || policy != NetkitPolicy::kPass;
}

Result<device::DeviceRef> create(const device::Rtnl& rtnl, const NewLink& request) {
  const AttributeTable data = request.data.value_or(AttributeTable{});
  const AttributeTable& main = request.attributes;
  const AttributeTable& peer = request.peer_attributes;

  device::NetkitSpec spec;
  spec.primary.generic = TRY(settings_from(main, defaults(), kQueueLimits));
  spec.primary.policy = TRY(policy_from(data.number(kNetkitPolicy).value_or(0)));
  spec.peer.policy = TRY(policy_from(data.number(kNetkitPeerPolicy).value_or(0)));
  spec.mode = value_or(data, kNetkitMode, NetkitMode::kL3);
  if (spec.mode == NetkitMode::kL3 && (main.has(kIflaAddress) || peer.has(kIflaAddress)))
    return fail(EOPNOTSUPP);
  spec.pairing = value_or(data, kNetkitPairing, NetkitPairing::kPair);
  if (spec.pairing == NetkitPairing::kSingle && single_refuses(request, data, spec.primary.policy)) {
    return fail(EOPNOTSUPP);
  }
  spec.headroom = value_or<std::uint16_t>(data, kNetkitHeadroom, 0);
  spec.tailroom = value_or<std::uint16_t>(data, kNetkitTailroom, 0);
  spec.primary.scrub = value_or(data, kNetkitScrub, NetkitScrub::kDefault);
  spec.primary.netns = request.netns;
  spec.primary.name = name_from(main);
  spec.primary.ifindex = static_cast<device::IfIndex>(request.header.index);
  if (spec.pairing == NetkitPairing::kPair) {
    spec.peer.generic = TRY(settings_from(peer, defaults(), kQueueLimits));
    spec.peer.scrub = value_or(data, kNetkitPeerScrub, NetkitScrub::kDefault);
    spec.peer.netns = request.peer_netns;
    if (request.peer_header) {
      spec.peer.name = name_from(peer);
      if (request.header.index > 0)
        spec.peer.ifindex = static_cast<device::IfIndex>(request.peer_header->index);
    } else {
      spec.peer.generic.mac = {};
    }
  }
  return TRY(device::create_netkit(rtnl, request.network, spec));
}

Result<> change(const device::Rtnl& rtnl, device::Device& device, const AttributeTable& data) {
  Netkit& netkit = static_cast<Netkit&>(device);
  if (netkit.role() != Netkit::Role::kPrimary) {
    return fail(EACCES, "netkit link settings can be changed only through the primary device");
  }
  for (const Fixed& fixed : kFixed) {
    if (data.has(fixed.attribute)) {
      return fail(EACCES,
                  "netkit link " + std::string(fixed.what) + " cannot be changed after device creation");
    }
  }
  if (const auto policy = data.number(kNetkitPolicy)) {
    if (netkit.pairing() == NetkitPairing::kSingle) return fail(EOPNOTSUPP);
    netkit.set_policy(rtnl, TRY(policy_from(*policy)));
  }
  if (const auto policy = data.number(kNetkitPeerPolicy)) {
    if (netkit.other() == nullptr) return fail(EOPNOTSUPP);
    netkit.other()->set_policy(rtnl, TRY(policy_from(*policy)));
  }
  return {};
}

}  // namespace

const LinkKind kNetkitKind{.name = "netkit",
                           .data_policy = kPolicy,
                           .peer_attribute = kNetkitPeerInfo,
                           .create = create,
                           .change = change};

}  // namespace netkit::control
