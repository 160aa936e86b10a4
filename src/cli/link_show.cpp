#include "cli/link_show.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/print.h"
#include "control/rpc/words.h"
#include "device/flags.h"

namespace netkit::cli {
namespace {

constexpr std::uint32_t kTsoMaxSegs = 65535;  // of every software device

std::string upper(std::string_view word) {
  std::string text(word);
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return text;
}

// A link of the answer, with what `ip` works out of it.
class Link {
 public:
  explicit Link(const Json& link) : link_(link), flags_(static_cast<std::uint32_t>(number("flags"))) {}

  [[nodiscard]] std::uint64_t number(const char* key) const { return link_.value(key, std::uint64_t{0}); }
  [[nodiscard]] std::string text(const char* key) const { return link_.value(key, ""); }
  [[nodiscard]] bool is_up() const { return (flags_ & device::kUp) != 0; }
  [[nodiscard]] bool has_end() const { return link_.contains("link"); }
  [[nodiscard]] std::uint64_t end_index() const { return number("link"); }
  // The other end is in the same namespace: it is known by name.
  [[nodiscard]] bool end_is_here() const { return end().value("same_netns", false); }
  [[nodiscard]] std::string end_name() const { return end().value("ifname", ""); }
  [[nodiscard]] std::string end_netns() const { return end().value("netns", ""); }
  [[nodiscard]] const Json* end_netnsid() const {
    const auto found = end().find("netnsid");
    return found != end().end() ? &*found : nullptr;
  }

  [[nodiscard]] std::string operstate() const {
    return upper(rpc::name_of(rpc::kOperStates, static_cast<std::uint32_t>(number("operstate"))));
  }
  [[nodiscard]] std::string qdisc() const { return is_up() ? "noqueue" : "noop"; }
  [[nodiscard]] std::string group() const {
    return number("group") == 0 ? "default" : std::to_string(number("group"));
  }
  [[nodiscard]] std::string type() const { return (flags_ & device::kLoopback) != 0 ? "loopback" : "ether"; }
  [[nodiscard]] bool allmulti() const { return (flags_ & device::kAllMulti) != 0; }

  // As print_link_flags writes them.
  [[nodiscard]] std::vector<std::string> flags() const {
    std::vector<std::string> names;
    if (is_up() && (flags_ & device::kRunning) == 0) names.emplace_back("NO-CARRIER");
    for (const rpc::Word& flag : rpc::kDeviceFlags) {
      if (flag.value != device::kRunning && (flags_ & flag.value) != 0) names.push_back(upper(flag.name));
    }
    if (end_is_here() && !end().value("up", false)) names.emplace_back("M-DOWN");
    return names;
  }

  [[nodiscard]] std::string kind() const { return info().value("kind", ""); }
  // Netkit's data, in iproute2's order and words.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> words_of_netkit() const {
    std::vector<std::pair<std::string, std::string>> words;
    const auto data = info().find("data");
    if (kind() != "netkit" || data == info().end()) return words;
    const auto add = [&](const char* key, rpc::Words names) {
      if (const auto value = data->find(key); value != data->end()) {
        const std::string_view name = rpc::name_of(names, value->get<std::uint32_t>());
        words.emplace_back(key, name.empty() ? "UNKNOWN" : name);
      }
    };
    add("mode", rpc::kNetkitModes);
    words.emplace_back("type", data->value("primary", true) ? "primary" : "peer");
    add("policy", rpc::kNetkitPolicies);
    add("peer_policy", rpc::kNetkitPolicies);
    add("scrub", rpc::kNetkitScrubs);
    add("peer_scrub", rpc::kNetkitScrubs);
    add("pairing", rpc::kNetkitPairings);
    return words;
  }
  [[nodiscard]] std::uint64_t netkit_number(const char* key) const { return info()["data"].value(key, 0U); }
  [[nodiscard]] std::uint64_t stat(const char* key) const {
    return link_["stats64"].value(key, std::uint64_t{0});
  }

 private:
  static const Json& nothing() {
    static const Json kNothing = Json::object();
    return kNothing;
  }
  [[nodiscard]] const Json& member(const char* key) const {
    const auto found = link_.find(key);
    return found != link_.end() ? *found : nothing();
  }
  [[nodiscard]] const Json& end() const { return member("link_end"); }
  [[nodiscard]] const Json& info() const { return member("linkinfo"); }

  const Json& link_;
  std::uint32_t flags_ = 0;
};

// A number that both ways of printing have, in their order.
struct Limit {
  const char* key;   // of the answer and of ip's JSON
  const char* word;  // in text
};
constexpr Limit kLimits[] = {
    {"num_tx_queues", "numtxqueues"},           {"num_rx_queues", "numrxqueues"},
    {"gso_max_size", "gso_max_size"},           {"gso_max_segs", "gso_max_segs"},
    {"tso_max_size", "tso_max_size"},           {"tso_max_segs", "tso_max_segs"},
    {"gro_max_size", "gro_max_size"},           {"gso_ipv4_max_size", "gso_ipv4_max_size"},
    {"gro_ipv4_max_size", "gro_ipv4_max_size"},
};

std::uint64_t limit_of(const Link& link, const Limit& limit) {
  return limit.key == std::string_view("tso_max_segs") ? kTsoMaxSegs : link.number(limit.key);
}

// ---- JSON ----

OrderedJson brief_json(const Link& link) {
  OrderedJson out;
  if (link.has_end() && link.end_index() == 0) out["link"] = nullptr;
  if (link.end_index() != 0 && link.end_is_here()) out["link"] = link.end_name();
  if (link.end_index() != 0 && !link.end_is_here()) out["link_index"] = link.end_index();
  out["ifname"] = link.text("ifname");
  return out;
}

OrderedJson info_json(const Link& link) {
  OrderedJson info{{"info_kind", link.kind()}};
  if (link.kind() != "netkit") return info;
  OrderedJson data;
  for (const auto& [key, word] : link.words_of_netkit()) data[key] = word;
  data["headroom"] = link.netkit_number("headroom");
  data["tailroom"] = link.netkit_number("tailroom");
  info["info_data"] = std::move(data);
  return info;
}

OrderedJson stats_json(const Link& link) {
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

OrderedJson to_json(const Link& link, const Options& options) {
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
    for (const Limit& limit : kLimits) out[limit.key] = limit_of(link, limit);
  }
  if (!link.text("ifalias").empty()) out["ifalias"] = link.text("ifalias");
  if (options.statistics) out["stats64"] = stats_json(link);
  return out;
}

// ---- text ----

// "nk0@eth0", "nk0@if3", "nk0@NONE".
std::string full_name(const Link& link) {
  const std::string name = link.text("ifname");
  if (!link.has_end()) return name;
  if (link.end_index() == 0) return name + "@NONE";
  return name + "@" + (link.end_is_here() ? link.end_name() : fmt::format("if{}", link.end_index()));
}

std::string flags_text(const Link& link) {
  std::string text;
  for (const std::string& flag : link.flags()) text += (text.empty() ? "" : ",") + flag;
  return "<" + text + ">";
}

std::string details_text(const Link& link, std::string_view newline) {
  std::string text =
      fmt::format(" promiscuity {}  allmulti {} minmtu {} maxmtu {} ", link.number("promiscuity"),
                  link.allmulti() ? 1 : 0, link.number("min_mtu"), link.number("max_mtu"));
  if (!link.kind().empty()) text += fmt::format("{}    {} ", newline, link.kind());
  for (auto [key, word] : link.words_of_netkit()) {
    std::ranges::replace(key, '_', ' ');
    text += fmt::format("{} {} ", key, word);
  }
  if (link.kind() == "netkit") {
    text += fmt::format("headroom {} tailroom {} ", link.netkit_number("headroom"),
                        link.netkit_number("tailroom"));
  }
  for (const Limit& limit : kLimits) text += fmt::format("{} {} ", limit.word, limit_of(link, limit));
  return text;
}

// One direction's two lines: the columns are as wide as ip's, or wider where a number is.
std::string stats_text(std::string_view direction,
                       std::span<const std::pair<std::string_view, std::uint64_t>> columns,
                       std::string_view newline) {
  constexpr std::size_t kWidths[] = {10, 7, 6, 7, 7, 7};
  constexpr std::size_t kIndent = 4;  // of the first column's heading, behind "RX: "
  std::string heading = fmt::format("{}    {}: ", newline, direction);
  std::string values = fmt::format("{}    ", newline);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t width = std::max(kWidths[i], fmt::formatted_size("{}", columns[i].second));
    heading += fmt::format("{:>{}} ", columns[i].first, i == 0 ? width - kIndent : width);
    values += fmt::format("{:>{}} ", columns[i].second, width);
  }
  return heading + std::string(10, ' ') + values;
}

std::string stats_text(const Link& link, std::string_view newline) {
  using Column = std::pair<std::string_view, std::uint64_t>;
  const Column received[] = {{"bytes", link.stat("rx_bytes")},
                             {"packets", link.stat("rx_packets")},
                             {"errors", link.stat("rx_errors")},
                             {"dropped", link.stat("rx_dropped")},
                             {"missed", 0},
                             {"mcast", link.stat("multicast")}};
  const Column sent[] = {{"bytes", link.stat("tx_bytes")},
                         {"packets", link.stat("tx_packets")},
                         {"errors", link.stat("tx_errors")},
                         {"dropped", link.stat("tx_dropped")},
                         {"carrier", 0},
                         {"collsns", link.stat("collisions")}};
  return stats_text("RX", received, newline) + stats_text("TX", sent, newline);
}

std::string to_text(const Link& link, const Options& options) {
  if (options.brief) {
    return fmt::format("{:<16} {:<14} {} {} \n", full_name(link), link.operstate(), link.text("address"),
                       flags_text(link));
  }
  const std::string_view newline = options.oneline ? "\\" : "\n";
  std::string text =
      fmt::format("{}: {}: {} mtu {} qdisc {} state {} mode DEFAULT group {} qlen {}{}",
                  link.number("ifindex"), full_name(link), flags_text(link), link.number("mtu"), link.qdisc(),
                  link.operstate(), link.group(), link.number("txqlen"), newline);
  text += fmt::format("    link/{} {} brd {}", link.type(), link.text("address"), link.text("broadcast"));
  if (!link.end_netns().empty() && !link.end_is_here()) text += " link-netns " + link.end_netns();
  if (options.details) text += details_text(link, newline);
  if (!link.text("ifalias").empty()) text += fmt::format("{}    alias {}", newline, link.text("ifalias"));
  if (options.statistics) text += stats_text(link, newline);
  return text + "\n";
}

}  // namespace

void print_links(const Json& links, const Options& options) {
  if (!options.json) {
    for (const Json& link : links) print(to_text(Link(link), options));
    return;
  }
  OrderedJson out = OrderedJson::array();
  for (const Json& link : links) out.push_back(to_json(Link(link), options));
  print(out, options);
}

}  // namespace netkit::cli
