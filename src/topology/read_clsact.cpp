// Section `clsact`.
#include <charconv>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

// In tc's words.
constexpr Word<std::uint16_t> kProtocolWords[] = {
    {"all", 0x0003}, {"ip", 0x0800},     {"ipv6", 0x86dd},
    {"arp", 0x0806}, {"802.1Q", 0x8100}, {"802.1ad", 0x88a8},
};

// A name, or the EtherType: decimal, or hexadecimal behind 0x.
std::optional<std::uint16_t> read_protocol(const Value& value) {
  const std::string text = value.text().value_or("");
  const bool hexadecimal = text.starts_with("0x");
  const std::string_view digits = std::string_view(text).substr(hexadecimal ? 2 : 0);
  std::uint16_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, number, hexadecimal ? 16 : 10);
  if (error == std::errc{} && stop == end && number != 0) return number;
  return value.word(kProtocolWords);
}

// `place`: among the programs of the hook, from 1.
std::optional<ClassicFilter> read_filter(const Scope& scope, const Value& value, std::size_t place) {
  ClassicFilter filter{.priority = static_cast<std::uint16_t>(place), .protocol = Be16(0x0003)};
  std::optional<ObjectMember> program;
  if (value.is(NodeKind::kScalar)) {
    program = scope.member(value);
  } else {
    const Mapping mapping = value.mapping();
    mapping.allow({"program", "prio", "protocol"});
    if (const auto named = mapping.require("program")) program = scope.member(*named);
    mapping.read("prio", filter.priority, 1, 0xffff);
    if (const auto protocol = mapping.get("protocol"))
      filter.protocol = Be16(read_protocol(*protocol).value_or(0x0003));
  }
  if (!program) return std::nullopt;
  filter.program = *std::move(program);
  return filter;
}

void read_hook(Scope& scope, const Mapping& hooks, std::string_view key, Hook hook, EndIndex end) {
  const auto list = hooks.get(key);
  if (!list) return;
  std::size_t place = 0;
  for (const Value& item : list->list()) {
    auto filter = read_filter(scope, item, ++place);
    if (!filter) continue;
    filter->end = end;
    filter->hook = hook;
    scope.topology().filters.push_back(*std::move(filter));
  }
}

}  // namespace

void read_clsact(Scope& scope, const Mapping& root) {
  const auto section = root.get("clsact");
  if (!section) return;
  for (const Value& device : section->mapping().values()) {
    const auto end = scope.find_end(device.name());
    if (!end) {
      scope.report_unknown_device(device);
      continue;
    }
    const Mapping hooks = device.mapping();
    hooks.allow({"ingress", "egress"});
    read_hook(scope, hooks, "ingress", Hook::kIngress, *end);
    read_hook(scope, hooks, "egress", Hook::kEgress, *end);
  }
}

}  // namespace netkit::topology
