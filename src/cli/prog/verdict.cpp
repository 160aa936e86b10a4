#include "cli/prog/verdict.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "bpf/run/types.h"

namespace netkit::cli {
namespace {

// TCX_* and, for classic filters, TC_ACT_* (linux/pkt_cls.h).
struct VerdictName {
  std::int32_t value;
  std::string_view name;
};
constexpr VerdictName kVerdicts[] = {{-1, "next"},    {0, "pass"},   {1, "reclassify"}, {2, "drop"},
                                     {3, "pipe"},     {4, "stolen"}, {5, "queued"},     {6, "repeat"},
                                     {7, "redirect"}, {8, "trap"}};

std::string_view helper_of(bpf::RedirectKind kind) {
  switch (kind) {
    case bpf::RedirectKind::kNone:
      return "";
    case bpf::RedirectKind::kPlain:
      return "bpf_redirect";
    case bpf::RedirectKind::kPeer:
      return "bpf_redirect_peer";
    case bpf::RedirectKind::kNeigh:
      return "bpf_redirect_neigh";
  }
  return "";
}

std::string_view name_of(std::uint32_t ifindex, std::span<const bpf::TestDevice> devices) {
  if (ifindex == 1) return "lo";
  const auto found = std::ranges::find(devices, ifindex, &bpf::TestDevice::ifindex);
  return found == devices.end() ? std::string_view() : found->name;
}

std::string flag_text(const bpf::RedirectRecord& record) {
  if (record.flags == 0) return "";
  return record.kind == bpf::RedirectKind::kPeer ? ", egress" : ", ingress";
}

std::string next_hop(const bpf::NextHop& hop) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* const made =
      ::inet_ntop(static_cast<int>(hop.family), hop.address.data(), text.data(), text.size());
  return made != nullptr ? made : fmt::format("an address of family {}", hop.family);
}

}  // namespace

std::string_view verdict_name(std::uint32_t retval) {
  const auto found = std::ranges::find(kVerdicts, static_cast<std::int32_t>(retval), &VerdictName::value);
  return found == std::end(kVerdicts) ? "unknown" : found->name;
}

std::string device_text(std::uint32_t ifindex, std::span<const bpf::TestDevice> devices) {
  const std::string_view name = name_of(ifindex, devices);
  return fmt::format("ifindex {}{}", ifindex, name.empty() ? "" : fmt::format(" ({})", name));
}

std::string redirect_text(const bpf::RedirectRecord& record, std::span<const bpf::TestDevice> devices) {
  if (record.kind == bpf::RedirectKind::kNone) return {};
  std::string text = fmt::format("to {} by {}{}", device_text(record.ifindex, devices),
                                 helper_of(record.kind), flag_text(record));
  if (record.has_next_hop) text += ", next hop " + next_hop(record.next_hop);
  return text;
}

nlohmann::ordered_json redirect_json(const bpf::RedirectRecord& record,
                                     std::span<const bpf::TestDevice> devices) {
  if (record.kind == bpf::RedirectKind::kNone) return nullptr;
  nlohmann::ordered_json json{{"ifindex", record.ifindex}};
  if (const std::string_view name = name_of(record.ifindex, devices); !name.empty()) json["ifname"] = name;
  json["helper"] = helper_of(record.kind);
  json["flags"] = record.flags;
  if (record.has_next_hop) json["next_hop"] = next_hop(record.next_hop);
  return json;
}

}  // namespace netkit::cli
