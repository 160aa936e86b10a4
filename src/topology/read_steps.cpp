// Section `steps`: each step has one action at most, found by its key.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

constexpr Word<Outcome> kOutcomeWords[] = {{"ok", Outcome::kOk}, {"lost", Outcome::kLost}};
constexpr std::uint64_t kMaxUdpPayload = 65507;  // 65535 - 20 - 8

bool has_family(const Topology& topology, NamespaceIndex netns, IpFamily family) {
  return std::ranges::any_of(topology.ends, [&](const End& end) {
    return end.netns == netns && std::ranges::any_of(end.addresses, [&](const IpPrefix& prefix) {
             return prefix.address.family == family;
           });
  });
}

// The end that a packet for the address goes to: not the sender's own one, if there is a choice.
std::optional<EndIndex> holder_of(const Topology& topology, const IpAddress& address, NamespaceIndex from) {
  std::optional<EndIndex> holder;
  for (EndIndex i = 0; i < topology.ends.size(); ++i) {
    const End& end = topology.ends[i];
    const auto is_address = [&](const IpPrefix& prefix) { return prefix.address == address; };
    if (!std::ranges::any_of(end.addresses, is_address)) continue;
    if (end.netns != from) return i;
    holder = i;
  }
  return holder;
}

// The only device with addresses in a namespace.
std::optional<EndIndex> addressed_end(const Topology& topology, NamespaceIndex netns, const Value& value) {
  std::optional<EndIndex> found;
  for (EndIndex i = 0; i < topology.ends.size(); ++i) {
    const End& end = topology.ends[i];
    if (end.netns != netns || end.addresses.empty()) continue;
    if (found) {
      value.report(fmt::format("{} has several devices with addresses; name one, as {}",
                               topology.namespaces[netns].name, topology.ends[*found].label));
      return std::nullopt;
    }
    found = i;
  }
  if (!found)
    value.report(fmt::format("no device of {} has an address; give it one", topology.namespaces[netns].name));
  return found;
}

void read_target(Scope& scope, const Value& to, std::optional<IpFamily> family, Endpoints& path) {
  const auto written = to.text();
  if (!written) return;
  const Topology& topology = scope.topology();
  if (const auto address = parse_ip(*written)) {
    path.to = {*address};
    path.to_end = holder_of(topology, *address, path.from);
    return;
  }
  if (const auto netns = scope.find_namespace(*written))
    path.to_end = addressed_end(topology, *netns, to);
  else if (path.to_end = scope.find_end(*written); !path.to_end)
    scope.report_unknown_target(to, *written);
  if (!path.to_end) return;

  // The families that both sides have: the addresses of namespaces that we did not make are not all known
  // here.
  const bool known = std::holds_alternative<MadeNamespace>(topology.namespaces[path.from].origin);
  for (const IpPrefix& prefix : topology.ends[*path.to_end].addresses) {
    const IpFamily its = prefix.address.family;
    if (family ? its == *family : !known || has_family(topology, path.from, its))
      path.to.push_back(prefix.address);
  }
  if (path.to.empty())
    to.report(fmt::format("{} and {} have no address of the same family; give them one or name an address",
                          topology.namespaces[path.from].name, topology.ends[*path.to_end].label));
}

// The keys that all traffic has: from, to, family, expect.
Endpoints read_path(Scope& scope, const Mapping& mapping, Outcome& expect) {
  Endpoints path;
  if (const auto from = mapping.require("from")) path.from = scope.netns(*from).value_or(kHostNamespace);
  constexpr Word<std::optional<IpFamily>> kFamilies[] = {
      {"ipv4", IpFamily::kV4}, {"ipv6", IpFamily::kV6}, {"both", std::nullopt}};
  std::optional<IpFamily> family;
  mapping.read("family", family, kFamilies);
  if (const auto to = mapping.require("to")) read_target(scope, *to, family, path);
  mapping.read("expect", expect, kOutcomeWords);
  return path;
}

Action read_ping(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"from", "to", "family", "count", "size", "timeout", "expect"});
  Ping ping;
  ping.path = read_path(scope, mapping, ping.expect);
  mapping.read("count", ping.count, 1, 10'000);
  mapping.read("size", ping.size, 0, kMaxUdpPayload);
  mapping.read("timeout", ping.timeout);
  return ping;
}

Action read_udp(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"from", "to", "family", "port", "count", "size", "timeout", "expect"});
  Udp udp;
  udp.path = read_path(scope, mapping, udp.expect);
  mapping.read("port", udp.port, 1, 65535);
  mapping.read("count", udp.count, 1, 10'000);
  mapping.read("size", udp.size, 0, kMaxUdpPayload);
  mapping.read("timeout", udp.timeout);
  return udp;
}

Action read_tcp(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"from", "to", "family", "port", "seconds", "bytes", "streams", "baseline", "min_ratio",
                 "recording", "expect"});
  Tcp tcp;
  tcp.path = read_path(scope, mapping, tcp.expect);
  mapping.read("port", tcp.port, 1, 65535);
  mapping.read("streams", tcp.streams, 1, 128);
  mapping.read("bytes", tcp.bytes, 1, std::uint64_t{1} << 50U);
  if (const auto seconds = mapping.get("seconds")) tcp.duration = seconds->seconds();
  if (mapping.has("seconds") && mapping.has("bytes"))
    value.report("'seconds' and 'bytes' exclude each other; remove one");
  if (!mapping.has("seconds") && !mapping.has("bytes")) tcp.duration = std::chrono::seconds(1);
  constexpr Word<Baseline> kBaselines[] = {{"veth", Baseline::kVeth}};
  mapping.read("baseline", tcp.baseline, kBaselines);
  mapping.read("recording", tcp.recording);
  if (const auto ratio = mapping.get("min_ratio")) tcp.min_ratio = ratio->fraction(0, 1000);
  if (tcp.min_ratio && tcp.baseline == Baseline::kNone)
    value.report("'min_ratio' needs something to compare with; add baseline: veth");
  if (tcp.baseline != Baseline::kNone && tcp.bytes)
    value.report("a baseline is measured over time; write 'seconds' in place of 'bytes'");
  return tcp;
}

Action read_neighbour(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"from", "to", "family", "lladdr", "timeout", "expect"});
  Neighbour neighbour;
  neighbour.path = read_path(scope, mapping, neighbour.expect);
  mapping.read("timeout", neighbour.timeout);
  if (const auto lladdr = mapping.get("lladdr")) {
    const auto text = lladdr->text();
    if (const auto mac = text ? parse_mac(*text) : std::nullopt)
      neighbour.lladdr = *mac;
    else if (const auto end = text ? scope.end(*lladdr) : std::nullopt)
      neighbour.lladdr = *end;
  }
  return neighbour;
}

Action read_exec(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"in", "cmd", "expect_exit", "timeout"});
  Exec exec;
  if (const auto in = mapping.get("in")) exec.in = scope.netns(*in).value_or(kHostNamespace);
  if (const auto cmd = mapping.require("cmd")) {
    if (cmd->is(NodeKind::kScalar))
      exec.command = {"/bin/sh", "-c", cmd->text().value_or("")};
    else
      for (const Value& word : cmd->list()) exec.command.push_back(word.text().value_or(""));
    if (exec.command.empty()) cmd->report("'cmd' is empty; give a command");
  }
  std::uint32_t exit = 0;
  mapping.read("expect_exit", exit, 0, 255);
  exec.expect_exit = static_cast<int>(exit);
  mapping.read("timeout", exec.timeout);
  return exec;
}

Action read_set(Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  mapping.allow({"device", "up", "mtu", "mac", "policy"});
  SetLink set;
  if (const auto device = mapping.require("device")) set.end = scope.end(*device).value_or(0);
  if (const auto up = mapping.get("up")) set.up = up->boolean();
  mapping.read("mtu", set.mtu, kMinMtu, kMaxMtu);
  if (const auto mac = mapping.get("mac")) set.mac = mac->mac();
  if (const auto policy = mapping.get("policy")) set.policy = policy->word(kPolicyWords);
  if (mapping.values().size() < 2) value.report("'set' changes nothing; add up, mtu, mac or policy");
  return set;
}

Action read_wait(Scope&, const Value& value) {
  return Wait{value.seconds().value_or(std::chrono::milliseconds(0))};
}
Action read_attach(Scope& scope, const Value& value) {
  return Attach{read_attachments(scope, value)};
}
Action read_detach(Scope& scope, const Value& value) {
  return Detach{read_detachments(scope, value)};
}
Action read_update(Scope& scope, const Value& value) {
  return UpdateMaps{read_maps(scope, value, true)};
}

struct ActionReader {
  std::string_view key;
  Action (*read)(Scope&, const Value&);
};
constexpr ActionReader kActions[] = {
    {"attach", read_attach}, {"detach", read_detach}, {"maps", read_update},         {"ping", read_ping},
    {"udp", read_udp},       {"tcp", read_tcp},       {"neighbour", read_neighbour}, {"exec", read_exec},
    {"set", read_set},       {"wait", read_wait},
};

// "ping from pod1 to pod2", for a step that says nothing itself.
std::string summary(const Value& action) {
  std::string line = action.name();
  for (const std::string_view key : {"from", "to", "device", "in"})
    if (const Node* node = action.node().find(key); node != nullptr && node->kind == NodeKind::kScalar)
      line += fmt::format(" {} {}", key, node->text);
  return line;
}

void read_action(Scope& scope, const Mapping& mapping, Step& step) {
  std::string_view first;
  for (const ActionReader& action : kActions) {
    const auto value = mapping.get(action.key);
    if (!value) continue;
    if (!first.empty()) {
      value->report(fmt::format("a step has one action, this one has '{}' and '{}'; make two steps", first,
                                action.key));
      continue;
    }
    first = action.key;
    step.action = action.read(scope, *value);
    if (step.say.empty()) step.say = summary(*value);
  }
}

void read_step(Scope& scope, const Value& value) {
  if (!value.is(NodeKind::kMapping))
    return value.report("a step is a mapping, as {ping: {from: pod1, to: pod2}}");
  const Mapping mapping = value.mapping();
  mapping.allow({"name", "say", "attach", "detach", "maps", "ping", "udp", "tcp", "neighbour", "exec", "set",
                 "wait", "expect"});
  const std::size_t index = scope.topology().steps.size();
  Step step;
  step.where = value.where();
  if (const auto say = mapping.get("say")) {
    step.say = say->text().value_or("");
    std::ranges::replace(step.say, '\n', ' ');
  }
  read_action(scope, mapping, step);
  const bool has_action = !std::holds_alternative<std::monostate>(step.action);
  if (const auto expect = mapping.get("expect")) {
    step.expectations = read_expectations(scope, *expect, index, has_action);
    if (step.say.empty()) step.say = "counters";
  }
  if (const auto name = mapping.get("name")) {
    step.name = name->text().value_or("");
    scope.add_step_name(step.name, index, name->where());
  }
  if (step.say.empty()) value.report("a step with neither 'say' nor an action does nothing; remove it");
  scope.topology().steps.push_back(std::move(step));
}

}  // namespace

void read_steps(Scope& scope, const Mapping& root) {
  if (const auto steps = root.get("steps"))
    for (const Value& step : steps->list()) read_step(scope, step);
}

}  // namespace netkit::topology
