#include <nlohmann/json.hpp>

#include "cli/link_show.h"

namespace netkit::cli {
namespace {

OrderedJson brief_json(const LinkView& link) {
  OrderedJson out;
  if (link.has_end() && link.end_index() == 0) out["link"] = nullptr;
  if (link.end_index() != 0 && link.end_is_here()) out["link"] = link.end_name();
  if (link.end_index() != 0 && !link.end_is_here()) out["link_index"] = link.end_index();
  out["ifname"] = link.text("ifname");
  return out;
}

OrderedJson info_json(const LinkView& link) {
  OrderedJson info{{"info_kind", link.kind()}};
  if (link.kind() != "netkit") return info;
  OrderedJson data;
  for (const auto& [key, word] : link.words_of_netkit()) data[key] = word;
  data["headroom"] = link.netkit_number("headroom");
  data["tailroom"] = link.netkit_number("tailroom");
  info["info_data"] = std::move(data);
  return info;
}

OrderedJson stats_json(const LinkView& link) {
  return {{"rx",
           {{"bytes", link.stat("rx_bytes")},
            {"packets", link.stat("rx_packets")},
            {"errors", link.stat("rx_errors")},
            {"dropped", link.stat("rx_dropped")},
            {"over_errors", 0},
            {"multicast", link.stat("multicast")}}},
          {"tx",
           {{"bytes", link.stat("tx_bytes")},
            {"packets", link.stat("tx_packets")},
            {"errors", link.stat("tx_errors")},
            {"dropped", link.stat("tx_dropped")},
            {"carrier_errors", 0},
            {"collisions", link.stat("collisions")}}}};
}

}  // namespace

OrderedJson link_json(const LinkView& link, const Options& options) {
  if (options.brief) {
    OrderedJson out = brief_json(link);
    out["operstate"] = link.operstate();
    out["address"] = link.text("address");
    out["flags"] = link.flags();
    return out;
  }
  OrderedJson out{{"ifindex", link.number("ifindex")}};
  out.update(brief_json(link));
  out["flags"] = link.flags();
  out["mtu"] = link.number("mtu");
  out["qdisc"] = link.qdisc();
  out["operstate"] = link.operstate();
  out["linkmode"] = "DEFAULT";
  out["group"] = link.group();
  out["txqlen"] = link.number("txqlen");
  out["link_type"] = link.type();
  out["address"] = link.text("address");
  out["broadcast"] = link.text("broadcast");
  if (!link.end_netns().empty() && !link.end_is_here()) out["link_netns"] = link.end_netns();
  if (link.end_netnsid() != nullptr && !link.end_is_here()) out["link_netnsid"] = *link.end_netnsid();
  if (options.details) {
    out["promiscuity"] = link.number("promiscuity");
    out["allmulti"] = link.allmulti() ? 1 : 0;
    out["min_mtu"] = link.number("min_mtu");
    out["max_mtu"] = link.number("max_mtu");
    if (!link.kind().empty()) out["linkinfo"] = info_json(link);
    for (const LinkLimit& limit : link_limits()) out[limit.key] = limit_of(link, limit);
  }
  if (!link.text("ifalias").empty()) out["ifalias"] = link.text("ifalias");
  if (options.statistics) out["stats64"] = stats_json(link);
  return out;
}

}  // namespace netkit::cli
