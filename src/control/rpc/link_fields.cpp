#include "control/rpc/link_fields.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "control/rpc/link_codec.h"

namespace netkit::rpc {
namespace {

using control::LinkReport;
using F = Field;

// The value of an optional as JSON, as a plain number where it is an enumeration.
template <class T>
Json value_or_null(const std::optional<T>& value) {
  if (!value) return nullptr;
  return static_cast<std::uint32_t>(*value);
}

Json report_stats(const LinkReport& link) {
  const device::LinkStats& stats = link.stats;
  return {
      {"rx_packets", stats.rx_packets}, {"tx_packets", stats.tx_packets},    {"rx_bytes", stats.rx_bytes},
      {"tx_bytes", stats.tx_bytes},     {"rx_errors", stats.rx_errors},      {"tx_errors", stats.tx_errors},
      {"rx_dropped", stats.rx_dropped}, {"tx_dropped", stats.tx_dropped},    {"multicast", stats.multicast},
      {"collisions", stats.collisions}, {"rx_nohandler", stats.rx_nohandler}};
}

// The other end: 0 where the kind has one and it has gone.
Json report_link_index(const LinkReport& link) {
  if (link.link) return link.link->ifindex;
  return link.reports_link ? Json(0) : Json(nullptr);
}

Json report_link_end(const LinkReport& link) {
  if (!link.link) return nullptr;
  return {{"ifname", link.link->name},
          {"netns", link.link->netns},
          {"netnsid", link.link->netnsid},
          {"same_netns", !link.link->other_namespace},
          {"up", link.link->up}};
}

Json report_link_info(const LinkReport& link) {
  if (link.kind.empty()) return nullptr;
  Json info{{"kind", link.kind}};
  if (Json data = report_fields(data_fields(link.kind), link); !data.empty()) info["data"] = std::move(data);
  return info;
}

// A report function for a plain member of LinkReport.
template <auto kMember>
Json member(const LinkReport& link) {
  return link.*kMember;
}
template <auto kMember>
Json address(const LinkReport& link) {
  return to_string(link.*kMember);
}

constexpr Field kFields[] = {
    {.key = "ifindex", .report = member<&LinkReport::ifindex>},
    {.key = "ifname", .type = control::kIflaIfname, .request = F::kText, .report = member<&LinkReport::name>},
    {.key = "netns", .report = member<&LinkReport::netns>},
    {.key = "link", .report = report_link_index},
    {.key = "link_end", .report = report_link_end},
    {.key = "flags", .report = member<&LinkReport::flags>},
    {.key = "mtu", .type = control::kIflaMtu, .request = F::kU32, .report = member<&LinkReport::mtu>},
    {.key = "min_mtu", .report = member<&LinkReport::min_mtu>},
    {.key = "max_mtu", .report = member<&LinkReport::max_mtu>},
    {.key = "operstate",
     .report = [](const LinkReport& link) { return Json(std::to_underlying(link.operstate)); }},
    {.key = "carrier", .report = member<&LinkReport::carrier>},
    {.key = "carrier_changes", .report = member<&LinkReport::carrier_changes>},
    {.key = "address",
     .type = control::kIflaAddress,
     .request = F::kAddress,
     .report = address<&LinkReport::mac>},
    {.key = "broadcast",
     .type = control::kIflaBroadcast,
     .request = F::kAddress,
     .report = address<&LinkReport::broadcast>},
    {.key = "txqlen",
     .type = control::kIflaTxqlen,
     .request = F::kU32,
     .report = member<&LinkReport::tx_queue_len>},
    {.key = "group",
     .type = control::kIflaGroup,
     .request = F::kU32,
     .words = kGroups,
     .report = member<&LinkReport::group>},
    {.key = "promiscuity", .report = member<&LinkReport::promiscuity>},
    {.key = "ifalias",
     .type = control::kIflaIfalias,
     .request = F::kText,
     .report = [](const LinkReport& link) { return link.alias.empty() ? Json(nullptr) : Json(link.alias); }},
    {.key = "num_tx_queues",
     .type = control::kIflaNumTxQueues,
     .request = F::kU32,
     .report = member<&LinkReport::num_tx_queues>},
    {.key = "num_rx_queues",
     .type = control::kIflaNumRxQueues,
     .request = F::kU32,
     .report = member<&LinkReport::num_rx_queues>},
    {.key = "gso_max_size",
     .type = control::kIflaGsoMaxSize,
     .request = F::kU32,
     .report = member<&LinkReport::gso_max_size>},
    {.key = "gso_max_segs",
     .type = control::kIflaGsoMaxSegs,
     .request = F::kU32,
     .report = member<&LinkReport::gso_max_segs>},
    {.key = "tso_max_size", .report = member<&LinkReport::tso_max_size>},
    {.key = "gro_max_size",
     .type = control::kIflaGroMaxSize,
     .request = F::kU32,
     .report = member<&LinkReport::gro_max_size>},
    {.key = "gso_ipv4_max_size",
     .type = control::kIflaGsoIpv4MaxSize,
     .request = F::kU32,
     .report = member<&LinkReport::gso_ipv4_max_size>},
    {.key = "gro_ipv4_max_size",
     .type = control::kIflaGroIpv4MaxSize,
     .request = F::kU32,
     .report = member<&LinkReport::gro_ipv4_max_size>},
    {.key = "headroom", .report = member<&LinkReport::headroom>},
    {.key = "tailroom", .report = member<&LinkReport::tailroom>},
    {.key = "linkinfo", .type = control::kIflaLinkinfo, .request = F::kLinkInfo, .report = report_link_info},
    {.key = "stats64", .report = report_stats},
    {.key = "net_ns_pid", .type = control::kIflaNetNsPid, .request = F::kU32},
    {.key = "net_ns_fd", .type = control::kIflaNetNsFd, .request = F::kNamespace},
    {.key = "target_netnsid", .type = control::kIflaTargetNetnsid, .request = F::kU32},
    {.key = "link_netnsid", .type = control::kIflaLinkNetnsid, .request = F::kU32},
    {.key = "protinfo", .type = control::kIflaProtinfo, .request = F::kEmpty},
    {.key = "map", .type = control::kIflaMap, .request = F::kEmpty},
};

using Netkit = control::NetkitReport;

template <auto kMember>
Json netkit(const LinkReport& link) {
  return static_cast<std::uint32_t>((*link.netkit).*kMember);
}
template <auto kMember>
Json netkit_optional(const LinkReport& link) {
  return value_or_null((*link.netkit).*kMember);
}

constexpr Field kNetkitFields[] = {
    {.key = "peer", .type = control::kNetkitPeerInfo, .request = F::kLink},
    {.key = "primary",
     .type = control::kNetkitPrimary,
     .request = F::kU32,
     .report = [](const LinkReport& link) { return Json(link.netkit->primary); }},
    {.key = "policy",
     .type = control::kNetkitPolicy,
     .request = F::kU32,
     .words = kNetkitPolicies,
     .report = netkit<&Netkit::policy>},
    {.key = "peer_policy",
     .type = control::kNetkitPeerPolicy,
     .request = F::kU32,
     .words = kNetkitPolicies,
     .report = netkit_optional<&Netkit::peer_policy>},
    {.key = "mode",
     .type = control::kNetkitMode,
     .request = F::kU32,
     .words = kNetkitModes,
     .report = netkit<&Netkit::mode>},
    {.key = "scrub",
     .type = control::kNetkitScrub,
     .request = F::kU32,
     .words = kNetkitScrubs,
     .report = netkit_optional<&Netkit::scrub>},
    {.key = "peer_scrub",
     .type = control::kNetkitPeerScrub,
     .request = F::kU32,
     .words = kNetkitScrubs,
     .report = netkit_optional<&Netkit::peer_scrub>},
    {.key = "headroom",
     .type = control::kNetkitHeadroom,
     .request = F::kU16,
     .report = netkit<&Netkit::headroom>},
    {.key = "tailroom",
     .type = control::kNetkitTailroom,
     .request = F::kU16,
     .report = netkit<&Netkit::tailroom>},
    {.key = "pairing",
     .type = control::kNetkitPairing,
     .request = F::kU32,
     .words = kNetkitPairings,
     .report = netkit<&Netkit::pairing>},
};

constexpr Field kVethFields[] = {{.key = "peer", .type = control::kVethInfoPeer, .request = F::kLink}};

}  // namespace

std::span<const Field> link_fields() {
  return kFields;
}

std::span<const Field> data_fields(std::string_view kind) {
  if (kind == "veth") return kVethFields;
  if (kind == "dummy" || kind == "tun") return {};
  return kNetkitFields;
}

}  // namespace netkit::rpc
