#include "control/link.h"

#include "base/endian.h"
#include "control/link_kind.h"
#include "control/link_settings.h"
#include "device/namespace.h"
#include "device/tap.h"

namespace netkit::control {
namespace {

using device::DeviceRef;
using device::NamespaceRef;
using device::Rtnl;

// The namespace that IFLA_NET_NS_PID or IFLA_NET_NS_FD names, or null when neither is there
// (rtnl_link_get_net_ifla). Not under the configuration lock: the kernel may be asked.
Result<NamespaceRef> named_netns(const Client& client, const AttributeTable& attributes) {
  if (const auto pid = attributes.number(kIflaNetNsPid)) {
    device::KernelNamespaces* const kernel = client.system().kernel;
    if (kernel == nullptr) return fail(ESRCH);  // no process lives in an in-process namespace
    return kernel->of_process(static_cast<pid_t>(*pid));
  }
  if (const auto fd = attributes.number(kIflaNetNsFd)) {
    return TRY(client.get<NamespaceRef>(static_cast<int>(*fd)));
  }
  return NamespaceRef{};
}

Result<NamespaceRef> netns_by_id(const Client& client, const Rtnl& rtnl, std::uint32_t id) {
  for (NamespaceRef& netns : client.network().namespaces(rtnl)) {
    if (netns->cookie() == id) return std::move(netns);
  }
  return fail(EINVAL, "Unknown network namespace id");
}

// Where the device itself goes: the namespace that was named as above, or that of IFLA_TARGET_NETNSID, or the
// client's own.
Result<NamespaceRef> target_netns(const Client& client, const Rtnl& rtnl, const AttributeTable& attributes,
                                  const NamespaceRef& named) {
  if (const auto id = attributes.number(kIflaTargetNetnsid)) {
    Result<NamespaceRef> netns = netns_by_id(client, rtnl, *id);
    return netns ? netns : Result<NamespaceRef>(fail(EINVAL));
  }
  return named != nullptr ? named : client.netns();
}

// rtnl_ensure_unique_netns
Result<> check_unique_netns(const AttributeTable& attributes) {
  int count = 0;
  for (const LinkAttribute one : {kIflaNetNsPid, kIflaNetNsFd, kIflaTargetNetnsid})
    count += attributes.has(one) ? 1 : 0;
  if (count > 1) return fail(EINVAL, "multiple netns identifying attributes specified");
  return {};
}

// A request after step 1 and 2 of the order of checks.
struct Parsed {
  AttributeTable attributes;
  bool names_kind = false;
  const LinkKind* kind = nullptr;  // null: not named, or unknown
  std::optional<AttributeTable> data;
  bool has_data = false;
};

Result<Parsed> parse(const LinkRequest& request) {
  Parsed parsed;
  parsed.attributes = TRY(AttributeTable::parse(request.attributes.all(), link_policy()));
  TRY(check_unique_netns(parsed.attributes));
  const auto nest = parsed.attributes.find(kIflaLinkinfo);
  if (!nest) return parsed;
  const AttributeTable info = TRY(AttributeTable::parse(*nest, link_info_policy()));
  if (const auto kind = info.text(kInfoKind)) {
    parsed.names_kind = true;
    parsed.kind = find_link_kind(*kind);
  }
  const auto data = info.find(kInfoData);
  parsed.has_data = data.has_value();
  if (parsed.kind == nullptr) return parsed;
  if (data) parsed.data = TRY(AttributeTable::parse(*data, parsed.kind->data_policy));
  TRY(validate_address(parsed.attributes));
  return parsed;
}

// Step 4: the attribute that describes the other end, and the namespace that it names.
struct PeerPart {
  std::optional<IfInfo> header;
  AttributeTable attributes;
  NamespaceRef netns;
};

Result<PeerPart> parse_peer(const Client& client, const Parsed& parsed) {
  PeerPart peer;
  const auto nest = parsed.data && parsed.kind->peer_attribute != 0
                        ? parsed.data->find(parsed.kind->peer_attribute)
                        : std::optional<ByteSpan>{};
  if (!nest) {
    peer.attributes = parsed.attributes;
  } else {
    peer.header = load_unaligned<IfInfo>(nest->data());
    if (peer.header->index < 0) return fail(EINVAL, "ifindex can't be negative");
    peer.attributes = TRY(AttributeTable::parse(nest->subspan(sizeof(IfInfo)), link_policy()));
    TRY(validate_address(peer.attributes));
    TRY(check_unique_netns(peer.attributes));
  }
  peer.netns = TRY(named_netns(client, peer.attributes));
  return peer;
}

// The device that a request names by number or name; null: none.
DeviceRef find_device(const Rtnl& rtnl, device::Namespace& netns, const IfInfo& header,
                      const AttributeTable& attributes) {
  if (header.index > 0) return netns.find(rtnl, static_cast<device::IfIndex>(header.index));
  if (const auto name = attributes.text(kIflaIfname)) return netns.find(rtnl, *name);
  return nullptr;
}

// do_setlink; `target` is where the device is to be.
Result<> change_generic(const Rtnl& rtnl, device::Device& device, const LinkRequest& request,
                        const AttributeTable& attributes, device::Namespace& target) {
  TRY(check_settings(device.settings(), attributes));
  TRY(device.network().move_device(rtnl, device, target, attributes.text(kIflaIfname).value_or("")));
  return apply_settings(rtnl, device, request.header, attributes);
}

// rtnl_changelink
Result<> change_link(const Rtnl& rtnl, device::Device& device, const LinkRequest& request,
                     const Parsed& parsed, device::Namespace& target) {
  if ((request.flags & kExclusive) != 0) return fail(EEXIST);
  if ((request.flags & kReplaceLink) != 0) return fail(EOPNOTSUPP);
  if (parsed.has_data) {
    const bool same_kind = parsed.kind != nullptr && parsed.kind->name == device::kind_name(device.kind());
    if (!same_kind || parsed.kind->change == nullptr) return fail(EOPNOTSUPP);
    TRY(parsed.kind->change(rtnl, device, *parsed.data));
  }
  return change_generic(rtnl, device, request, parsed.attributes, target);
}

// rtnl_newlink_create
Result<> create_link(const Rtnl& rtnl, Client& client, const LinkRequest& request, const Parsed& parsed,
                     const PeerPart& peer, const NamespaceRef& target, const NamespaceRef& link_netns) {
  const NamespaceRef& birthplace = link_netns != nullptr ? link_netns : target;
  const NamespaceRef& default_peer_place = link_netns != nullptr ? link_netns : client.netns();
  const NewLink order{.network = client.network(),
                      .header = request.header,
                      .attributes = parsed.attributes,
                      .data = parsed.data,
                      .peer_header = peer.header,
                      .peer_attributes = peer.attributes,
                      .netns = birthplace.get(),
                      .peer_netns = peer.netns != nullptr ? peer.netns.get() : default_peer_place.get()};
  const DeviceRef device = TRY(parsed.kind->create(rtnl, order));
  Result<> finished = apply_flags(rtnl, *device, request.header);
  if (finished && link_netns != nullptr) {
    finished = client.network().move_device(rtnl, *device, *target,
                                            parsed.attributes.text(kIflaIfname).value_or(""));
  }
  if (!finished) (void)client.network().delete_device(rtnl, *device);
  return finished;
}

}  // namespace

Result<> new_link(Client& client, const LinkRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const Parsed parsed = TRY(parse(request));
  const PeerPart peer = TRY(parse_peer(client, parsed));
  const NamespaceRef named = TRY(named_netns(client, parsed.attributes));
  const Rtnl rtnl = client.network().lock();
  const NamespaceRef target = TRY(target_netns(client, rtnl, parsed.attributes, named));
  NamespaceRef link_netns;
  if (const auto id = parsed.attributes.number(kIflaLinkNetnsid))
    link_netns = TRY(netns_by_id(client, rtnl, *id));
  if (request.header.index < 0) return fail(EINVAL, "ifindex can't be negative");

  const bool creates_only = (request.flags & (kCreate | kExclusive)) == (kCreate | kExclusive);
  device::Namespace& looked_up_in = creates_only ? *target : *client.netns();
  if (const DeviceRef device = find_device(rtnl, looked_up_in, request.header, parsed.attributes)) {
    return change_link(rtnl, *device, request, parsed, *target);
  }
  if ((request.flags & kCreate) == 0) return fail(ENODEV);
  if (parsed.attributes.has(kIflaMap) || parsed.attributes.has(kIflaProtinfo)) return fail(EOPNOTSUPP);
  if (parsed.kind == nullptr) return fail(EOPNOTSUPP, "Unknown device type");
  return create_link(rtnl, client, request, parsed, peer, target, link_netns);
}

Result<> set_link(Client& client, const LinkRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const AttributeTable attributes = TRY(AttributeTable::parse(request.attributes.all(), link_policy()));
  TRY(check_unique_netns(attributes));
  const NamespaceRef named = TRY(named_netns(client, attributes));
  const Rtnl rtnl = client.network().lock();
  const NamespaceRef target = TRY(target_netns(client, rtnl, attributes, named));
  if (request.header.index <= 0 && !attributes.has(kIflaIfname)) return fail(EINVAL);
  const DeviceRef device = find_device(rtnl, *client.netns(), request.header, attributes);
  if (device == nullptr) return fail(ENODEV);
  return change_generic(rtnl, *device, request, attributes, *target);
}

Result<> delete_link(Client& client, const LinkRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const AttributeTable attributes = TRY(AttributeTable::parse(request.attributes.all(), link_policy()));
  const Rtnl rtnl = client.network().lock();
  if (request.header.index <= 0 && !attributes.has(kIflaIfname)) return fail(EINVAL);
  const DeviceRef device = find_device(rtnl, *client.netns(), request.header, attributes);
  if (device == nullptr) return fail(ENODEV);
  return client.network().delete_device(rtnl, *device);
}

Result<LinkReport> get_link(Client& client, const LinkRequest& request) {
  const AttributeTable attributes = TRY(AttributeTable::parse(request.attributes.all(), link_policy()));
  const Rtnl rtnl = client.network().lock();
  if (request.header.index <= 0 && !attributes.has(kIflaIfname)) return fail(EINVAL);
  const DeviceRef device = find_device(rtnl, *client.netns(), request.header, attributes);
  if (device == nullptr) return fail(ENODEV);
  return report_link(rtnl, *device);
}

std::vector<LinkReport> list_links(Client& client) {
  const Rtnl rtnl = client.network().lock();
  std::vector<LinkReport> reports;
  for (const DeviceRef& device : client.netns()->devices(rtnl)) reports.push_back(report_link(rtnl, *device));
  return reports;
}

Result<> new_tap(Client& client, std::string_view name) {
  if (!client.privileged()) return fail(EPERM);
  const DeviceRef tap =
      device::adopt_device(std::make_unique<device::Tap>(client.network(), device::DeviceSettings{}));
  const Rtnl rtnl = client.network().lock();
  return client.network().register_device(rtnl, tap, *client.netns(), name, 0);
}

}  // namespace netkit::control
