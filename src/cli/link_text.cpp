#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/link_show.h"

namespace netkit::cli {
namespace {

// "nk0@eth0", "nk0@if3", "nk0@NONE".
std::string full_name(const LinkView& link) {
  const std::string name = link.text("ifname");
  if (!link.has_end()) return name;
  if (link.end_index() == 0) return name + "@NONE";
  return name + "@" + (link.end_is_here() ? link.end_name() : fmt::format("if{}", link.end_index()));
}

std::string flags_text(const LinkView& link) {
  std::string text;
  for (const std::string& flag : link.flags()) text += (text.empty() ? "" : ",") + flag;
  return "<" + text + ">";
}

std::string details_text(const LinkView& link, std::string_view newline) {
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
  for (const LinkLimit& limit : link_limits())
    text += fmt::format("{} {} ", limit.word, limit_of(link, limit));
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

std::string stats_text(const LinkView& link, std::string_view newline) {
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

// The namespace of the other end, by name where it may be known.
std::string end_netns_text(const LinkView& link) {
  if (link.end_is_here() || link.end_netnsid() == nullptr) return {};
  if (!link.end_netns().empty()) return " link-netns " + link.end_netns();
  return " link-netnsid " + link.end_netnsid()->dump();
}

}  // namespace

std::string link_text(const LinkView& link, const Options& options) {
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
  text += end_netns_text(link);
  if (options.details) text += details_text(link, newline);
  if (!link.text("ifalias").empty()) text += fmt::format("{}    alias {}", newline, link.text("ifalias"));
  if (options.statistics) text += stats_text(link, newline);
  return text + "\n";
}

}  // namespace netkit::cli
