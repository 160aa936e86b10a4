// Sections `host` and `namespaces`.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

// What may be set, '*' standing for an interface, `all` or `default`: switches that belong to the namespace
// alone and that a pod network has use for.
constexpr std::string_view kSysctls[] = {
    "net.core.somaxconn",
    "net.ipv4.conf.*.accept_local",
    "net.ipv4.conf.*.accept_redirects",
    "net.ipv4.conf.*.arp_announce",
    "net.ipv4.conf.*.arp_filter",
    "net.ipv4.conf.*.arp_ignore",
    "net.ipv4.conf.*.arp_notify",
    "net.ipv4.conf.*.forwarding",
    "net.ipv4.conf.*.proxy_arp",
    "net.ipv4.conf.*.route_localnet",
    "net.ipv4.conf.*.rp_filter",
    "net.ipv4.conf.*.send_redirects",
    "net.ipv4.icmp_ratelimit",
    "net.ipv4.ip_default_ttl",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_ecn",
    "net.ipv4.tcp_mtu_probing",
    "net.ipv6.conf.*.accept_dad",
    "net.ipv6.conf.*.accept_ra",
    "net.ipv6.conf.*.addr_gen_mode",
    "net.ipv6.conf.*.autoconf",
    "net.ipv6.conf.*.disable_ipv6",
    "net.ipv6.conf.*.forwarding",
    "net.ipv6.conf.*.hop_limit",
    "net.ipv6.conf.*.keep_addr_on_down",
    "net.ipv6.conf.*.proxy_ndp",
    "net.ipv6.ip_nonlocal_bind",
};

bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after))
    return false;
  const auto interface = name.substr(before.size(), name.size() - before.size() - after.size());
  return interface.find_first_of("./") == std::string_view::npos;
}

std::vector<Sysctl> read_sysctls(const Value& value) {
  std::vector<Sysctl> sysctls;
  for (const Value& entry : value.mapping().values()) {
    const std::string& name = entry.name();
    if (!std::ranges::any_of(kSysctls, [&](std::string_view pattern) { return matches(pattern, name); })) {
      const std::string hint = did_you_mean(name, kSysctls);
      entry.report(fmt::format("sysctl {} cannot be set here{}", quote(name),
                               hint.empty() ? "; docs/topology.md lists those that can" : hint));
      continue;
    }
    const auto setting = entry.text();
    if (!setting) continue;
    if (std::ranges::any_of(*setting,
                            [](char c) { return c != '\t' && static_cast<unsigned char>(c) < ' '; }))
      entry.report(fmt::format("the value of {} is more than one line; give one", quote(name)));
    else
      sysctls.push_back({name, *setting, entry.where()});
  }
  return sysctls;
}

// A name below /run/netns, as `ip netns` takes it.
bool is_netns_name(std::string_view name) {
  return !name.empty() && name.size() < 256 && name != "." && name != ".." &&
         name.find_first_of("/\n") == std::string_view::npos;
}

NamespaceOrigin read_origin(const Mapping& mapping) {
  constexpr std::array<std::string_view, 3> kOrigins = {"existing", "path", "pid"};
  const auto given = std::ranges::count_if(kOrigins, [&](std::string_view key) { return mapping.has(key); });
  if (given > 1)
    mapping.problems().report(mapping.where(),
                              "only one of 'existing', 'path' and 'pid' can say whose namespace it is");
  if (const auto value = mapping.get("existing")) {
    const auto name = value->text();
    if (name && is_netns_name(*name)) return NamedNamespace{*name};
    if (name) value->report(fmt::format("{} is no name below /run/netns; see `ip netns list`", quote(*name)));
  } else if (const auto path = mapping.get("path")) {
    if (const auto text = path->text()) return NamespacePath{*text};
  } else if (const auto process = mapping.get("pid")) {
    constexpr std::uint64_t kMaxPid = 1U << 22U;
    if (const auto pid = process->number(1, kMaxPid)) return NamespaceOfProcess{static_cast<pid_t>(*pid)};
  }
  return MadeNamespace{};
}

Namespace read_namespace(const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"existing", "path", "pid", "sysctls"});
  Namespace netns{
      .name = value.name(), .origin = read_origin(mapping), .sysctls = {}, .where = value.where()};
  const auto sysctls = mapping.get("sysctls");
  if (!sysctls) return netns;
  netns.sysctls = read_sysctls(*sysctls);
  if (!std::holds_alternative<MadeNamespace>(netns.origin))
    sysctls->report("sysctls are set only in namespaces that the run makes; set them there yourself");
  return netns;
}

Namespace read_host(const Value& value) {
  if (!value.is(NodeKind::kScalar)) return read_namespace(value);
  constexpr Word<bool> kWords[] = {{"self", true}, {"own", false}};
  Namespace host{.name = "host", .origin = MadeNamespace{}, .sysctls = {}, .where = value.where()};
  if (value.word(kWords).value_or(false)) host.origin = SelfNamespace{};
  return host;
}

}  // namespace

void read_namespaces(Scope& scope, const Mapping& root) {
  const auto host = root.get("host");
  scope.add_namespace(
      host ? read_host(*host)
           : Namespace{.name = "host", .origin = MadeNamespace{}, .sysctls = {}, .where = {1, 1}});
  if (const auto namespaces = root.get("namespaces"))
    for (const Value& value : namespaces->mapping().values()) scope.add_namespace(read_namespace(value));
}

}  // namespace netkit::topology
