#include "cli/link_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/rpc/words.h"
#include "device/flags.h"

namespace netkit::cli {
namespace {

constexpr std::uint32_t kTsoMaxSegs = 65535;  // of every software device
constexpr const char* kEnd = "link_end";
constexpr const char* kInfo = "linkinfo";

constexpr LinkLimit kLimits[] = {
    {"num_tx_queues", "numtxqueues"},           {"num_rx_queues", "numrxqueues"},
    {"gso_max_size", "gso_max_size"},           {"gso_max_segs", "gso_max_segs"},
    {"tso_max_size", "tso_max_size"},           {"tso_max_segs", "tso_max_segs"},
    {"gro_max_size", "gro_max_size"},           {"gso_ipv4_max_size", "gso_ipv4_max_size"},
    {"gro_ipv4_max_size", "gro_ipv4_max_size"},
};

std::string upper(std::string_view word) {
  std::string text(word);
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 32) : c; });
  return text;
}

}  // namespace

LinkView::LinkView(const Json& link) : link_(link), flags_(link.value("flags", std::uint32_t{0})) {}

const Json& LinkView::member(const char* key) const {
  static const Json kNothing = Json::object();
  const auto found = link_.find(key);
  return found != link_.end() ? *found : kNothing;
}

std::uint64_t LinkView::number(const char* key) const {
  return link_.value(key, std::uint64_t{0});
}
std::string LinkView::text(const char* key) const {
  return link_.value(key, "");
}
bool LinkView::is_up() const {
  return (flags_ & device::kUp) != 0;
}
bool LinkView::allmulti() const {
  return (flags_ & device::kAllMulti) != 0;
}
std::string LinkView::operstate() const {
  return upper(rpc::name_of(rpc::kOperStates, static_cast<std::uint32_t>(number("operstate"))));
}
std::string LinkView::group() const {
  return number("group") == 0 ? "default" : std::to_string(number("group"));
}
std::string LinkView::type() const {
  return (flags_ & device::kLoopback) != 0 ? "loopback" : "ether";
}
std::uint64_t LinkView::stat(const char* key) const {
  return member("stats64").value(key, std::uint64_t{0});
}

std::vector<std::string> LinkView::flags() const {
  std::vector<std::string> names;
  if (is_up() && (flags_ & device::kRunning) == 0) names.emplace_back("NO-CARRIER");
  for (const rpc::Word& flag : rpc::kDeviceFlags) {
    if (flag.value != device::kRunning && (flags_ & flag.value) != 0) names.push_back(upper(flag.name));
  }
  if (end_is_here() && !member(kEnd).value("up", false)) names.emplace_back("M-DOWN");
  return names;
}

bool LinkView::has_end() const {
  return link_.contains("link");
}
bool LinkView::end_is_here() const {
  return member(kEnd).value("same_netns", false);
}
std::string LinkView::end_name() const {
  return member(kEnd).value("ifname", "");
}
std::string LinkView::end_netns() const {
  return member(kEnd).value("netns", "");
}
const Json* LinkView::end_netnsid() const {
  const Json& end = member(kEnd);
  const auto found = end.find("netnsid");
  return found != end.end() ? &*found : nullptr;
}

std::string LinkView::kind() const {
  return member(kInfo).value("kind", "");
}

std::vector<std::pair<std::string, std::string>> LinkView::words_of_netkit() const {
  std::vector<std::pair<std::string, std::string>> words;
  const auto data = member(kInfo).find("data");
  if (kind() != "netkit" || data == member(kInfo).end()) return words;
  const auto add = [&](const char* key, rpc::Words names) {
    const auto value = data->find(key);
    if (value == data->end()) return;
    const std::string_view name = rpc::name_of(names, value->get<std::uint32_t>());
    words.emplace_back(key, name.empty() ? "UNKNOWN" : name);
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

std::uint64_t LinkView::netkit_number(const char* key) const {
  const auto data = member(kInfo).find("data");
  return data != member(kInfo).end() ? data->value(key, std::uint64_t{0}) : 0;
}

std::span<const LinkLimit> link_limits() {
  return kLimits;
}

std::uint64_t limit_of(const LinkView& link, const LinkLimit& limit) {
  return limit.key == std::string_view("tso_max_segs") ? kTsoMaxSegs : link.number(limit.key);
}

}  // namespace netkit::cli
