// Sections `pairs` and `devices`.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

constexpr Word<Mode> kModeWords[] = {{"l2", Mode::kL2}, {"l3", Mode::kL3}};
constexpr Word<Scrub> kScrubWords[] = {{"none", Scrub::kNone}, {"default", Scrub::kDefault}};

// The kernel's dev_valid_name, and no templates: references need the name beforehand.
std::string_view wrong_with_ifname(std::string_view name) {
  constexpr std::size_t kMaxIfname = 15;
  if (name.size() > kMaxIfname) return "it is longer than 15 characters";
  if (name == "." || name == ".." || name == "all" || name == "default") return "the kernel reserves it";
  if (name.find('%') != std::string_view::npos) return "templates are not supported here";
  const auto illegal = [](char c) {
    return c == '/' || c == ':' || std::isspace(static_cast<unsigned char>(c)) != 0;
  };
  if (std::ranges::any_of(name, illegal)) return "it contains '/', ':' or a space";
  return {};
}

std::vector<IpPrefix> read_addresses(const Value& value) {
  std::vector<IpPrefix> addresses;
  for (const Value& item : value.list()) {
    const auto prefix = item.prefix();
    if (!prefix) continue;
    const IpAddress& address = prefix->address;
    const bool multicast = address.is_v4() ? address.storage[0] >= 224 : address.storage[0] == 0xff;
    const bool unspecified =
        std::ranges::all_of(address.bytes(), [](std::uint8_t byte) { return byte == 0; });
    if (multicast || unspecified || prefix->length == 0)
      item.report(fmt::format("{} is no address of a host; give a unicast address with its prefix length",
                              to_string(*prefix)));
    else
      addresses.push_back(*prefix);
  }
  return addresses;
}

// A gateway must be reachable without a gateway (fib_check_nh), unless `onlink` says so.
bool on_link(const End& end, const IpAddress& gateway) {
  const auto reaches = [&](const IpPrefix& prefix) { return prefix.contains(gateway); };
  return std::ranges::any_of(end.addresses, reaches) ||
         std::ranges::any_of(end.routes, [&](const Route& route) { return !route.via && reaches(route.to); });
}

bool has_family(const End& end, IpFamily family) {
  return std::ranges::any_of(end.addresses,
                             [&](const IpPrefix& prefix) { return prefix.address.family == family; });
}

IpPrefix default_prefix(IpFamily family) {
  return {.address = {.family = family, .storage = {}}, .length = 0};
}

void check_via(const End& end, const Route& route, const Value& via) {
  if (route.via->family != route.to.address.family)
    via.report(
        fmt::format("gateway {} and destination {} are of different families; give one route per family",
                    to_string(*route.via), to_string(route.to)));
  else if (!route.onlink && !on_link(end, *route.via))
    via.report(
        fmt::format("gateway {} is in no network of {}; give the device an address in it or set onlink: true",
                    to_string(*route.via), end.label));
}

void read_route(End& end, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"to", "via", "src", "mtu", "metric", "onlink"});
  Route route;
  route.where = value.where();
  mapping.read("mtu", route.mtu, kMinMtu, kMaxMtu);
  mapping.read("metric", route.metric, 0, 0xffff'ffff);
  mapping.read("onlink", route.onlink);
  const auto via = mapping.get("via");
  if (via) route.via = via->ip();
  const auto source = mapping.get("src");
  if (source) route.source = source->ip();

  const auto to = mapping.require("to");
  if (!to || (via && !route.via)) return;
  if (to->is(NodeKind::kScalar) && to->node().text == "default") {
    // Without a gateway or source that has a family: both that the device has.
    for (const IpFamily family : {IpFamily::kV4, IpFamily::kV6}) {
      const auto& decides = route.via ? route.via : route.source;
      if (decides ? decides->family != family : !has_family(end, family)) continue;
      route.to = default_prefix(family);
      if (via) check_via(end, route, *via);
      end.routes.push_back(route);
    }
    if (!route.via && !route.source && end.addresses.empty())
      to->report("a default route without 'via' takes its families from the device's addresses; give it one");
    return;
  }
  const auto prefix = to->prefix();
  if (!prefix) return;
  route.to = *prefix;
  if (via) check_via(end, route, *via);
  if (route.source && route.source->family != route.to.address.family)
    source->report("'src' and 'to' are of different families; give one route per family");
  end.routes.push_back(route);
}

void read_neighbour(End& end, const Value& value) {
  const auto address = parse_ip(value.name());
  if (!address)
    value.report(fmt::format("{} is no address; a neighbour is written ADDRESS: MAC", quote(value.name())));
  const auto mac = value.mac();
  if (address && mac) end.neighbours.push_back({*address, *mac, value.where()});
}

void check_mac(const End& end, Mode mode, const Value& mac) {
  if (mode == Mode::kL3)
    mac.report("an L3 device has no MAC address of its own; remove 'mac' or set mode: l2");
  else if (end.mac && (end.mac->is_group() || end.mac->is_zero()))
    mac.report(
        fmt::format("{} is no address of a device; its first byte must be even, and it must not be zero",
                    to_string(*end.mac)));
}

// The keys that every kind of device end has.
End read_end(Scope& scope, const Mapping& mapping, std::string label, Mode mode) {
  End end;
  end.label = std::move(label);
  end.where = mapping.where();
  if (const auto netns = mapping.get("netns")) end.netns = scope.netns(*netns).value_or(kHostNamespace);
  mapping.read("name", end.ifname);
  mapping.read("mtu", end.mtu, kMinMtu, kMaxMtu);
  mapping.read("queues", end.queues, 1, 1024);
  mapping.read("up", end.up);
  mapping.read("policy", end.policy, kPolicyWords);
  mapping.read("scrub", end.scrub, kScrubWords);
  if (const auto mac = mapping.get("mac")) {
    end.mac = mac->mac();
    check_mac(end, mode, *mac);
  }
  if (const auto addresses = mapping.get("addresses")) {
    end.addresses = read_addresses(*addresses);
    if (end.mtu < kMinIpv6Mtu && has_family(end, IpFamily::kV6))
      addresses->report(
          fmt::format("IPv6 needs an MTU of at least 1280, {} has {}; raise it", end.label, end.mtu));
  }
  if (const auto routes = mapping.get("routes"))
    for (const Value& route : routes->list()) read_route(end, route);
  if (const auto neighbours = mapping.get("neighbours"))
    for (const Value& neighbour : neighbours->mapping().values()) read_neighbour(end, neighbour);
  if (const auto capture = mapping.get("capture"))
    if (const auto file = capture->text()) end.capture = *file;
  return end;
}

void check_ifname(Problems& problems, const End& end, Where where) {
  if (const std::string_view wrong = wrong_with_ifname(end.ifname); !wrong.empty())
    problems.report(where, fmt::format("{} cannot name an interface: {}; choose another with 'name'",
                                       quote(end.ifname), wrong));
}

// What belongs to the device as a whole.
Netkit read_netkit(const Value& value, const Mapping& mapping) {
  Netkit netkit;
  netkit.label = value.name();
  netkit.where = value.where();
  mapping.read("mode", netkit.mode, kModeWords);
  mapping.read("headroom", netkit.headroom, 0, 0xffff);
  mapping.read("tailroom", netkit.tailroom, 0, 0xffff);
  return netkit;
}

// The primary of a pair, or a single device: called after the label unless it has a name.
End read_primary(Scope& scope, const Mapping& mapping, const Netkit& netkit) {
  End end = read_end(scope, mapping, netkit.label, netkit.mode);
  if (end.ifname.empty()) end.ifname = netkit.label;
  check_ifname(scope.problems(), end, mapping.where_of("name"));
  return end;
}

void read_pair(Scope& scope, const Value& value) {
  if (!check_label(value.name(), value.where(), scope.problems())) return;
  const Mapping mapping = value.mapping();
  mapping.allow({"mode", "headroom", "tailroom", "peer", "netns", "name", "policy", "scrub", "mtu", "mac",
                 "queues", "up", "addresses", "routes", "neighbours", "capture"});
  Netkit netkit = read_netkit(value, mapping);
  End primary = read_primary(scope, mapping, netkit);

  const auto peer_value = mapping.require("peer");
  if (!peer_value) return;
  const Mapping peer_mapping = peer_value->mapping();
  peer_mapping.allow({"name", "netns", "policy", "scrub", "mtu", "mac", "queues", "up", "addresses", "routes",
                      "neighbours", "capture"});
  End peer = read_end(scope, peer_mapping, netkit.label + ".peer", netkit.mode);
  if (peer_mapping.require("name")) check_ifname(scope.problems(), peer, peer_mapping.where_of("name"));

  const auto primary_index = scope.add_end(std::move(primary));
  if (!primary_index) return;
  netkit.primary = *primary_index;
  netkit.peer = scope.add_end(std::move(peer));
  scope.topology().netkits.push_back(std::move(netkit));
}

void read_single(Scope& scope, const Value& value, const Mapping& mapping) {
  mapping.allow({"kind", "single", "mode", "headroom", "tailroom", "netns", "name", "mtu", "mac", "queues",
                 "up", "addresses", "routes", "neighbours", "capture"});
  Netkit netkit = read_netkit(value, mapping);
  const auto index = scope.add_end(read_primary(scope, mapping, netkit));
  if (!index) return;
  netkit.primary = *index;
  scope.topology().netkits.push_back(std::move(netkit));
}

void read_device(Scope& scope, const Value& value) {
  if (!check_label(value.name(), value.where(), scope.problems())) return;
  const Mapping mapping = value.mapping();
  enum class Kind : std::uint8_t { kNetkit };
  constexpr Word<Kind> kKinds[] = {{"netkit", Kind::kNetkit}};
  const auto kind = mapping.require("kind");
  if (!kind || !kind->word(kKinds)) return;
  bool single = false;
  mapping.read("single", single);
  if (single)
    read_single(scope, value, mapping);
  else
    value.report("a netkit device without a peer needs single: true; a pair is written under 'pairs'");
}

// What two devices of one namespace cannot share.
void check_unique(Scope& scope) {
  std::set<std::pair<NamespaceIndex, std::string>> names;
  std::set<std::pair<NamespaceIndex, IpAddress>> addresses;
  for (const End& end : scope.topology().ends) {
    const std::string& netns = scope.topology().namespaces[end.netns].name;
    if (!names.emplace(end.netns, end.ifname).second)
      scope.problems().report(end.where,
                              fmt::format("{} has an interface {} already; choose another with 'name'", netns,
                                          quote(end.ifname)));
    for (const IpPrefix& prefix : end.addresses)
      if (!addresses.emplace(end.netns, prefix.address).second)
        scope.problems().report(end.where, fmt::format("{} has the address {} already; remove one", netns,
                                                       to_string(prefix.address)));
  }
}

}  // namespace

void read_devices(Scope& scope, const Mapping& root) {
  if (const auto pairs = root.get("pairs"))
    for (const Value& pair : pairs->mapping().values()) read_pair(scope, pair);
  if (const auto devices = root.get("devices"))
    for (const Value& device : devices->mapping().values()) read_device(scope, device);
  check_unique(scope);
}

}  // namespace netkit::topology
