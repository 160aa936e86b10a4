// Operations on namespaces and devices: JSON to requests of control/link.h, reports to JSON.
#include <utility>

#include "conformance/scenario.h"
#include "control/uapi.h"
#include "device/namespace.h"

namespace netkit::conformance {
namespace {

using control::AttributeWriter;
using control::IfInfo;
using control::LinkReport;
using nlohmann::json;

// Words for numbers, as scenarios use them.
using Words = std::map<std::string, std::uint32_t>;
const Words kModes{{"l2", 0}, {"l3", 1}};
const Words kPolicies{{"pass", 0}, {"drop", 2}, {"next", 0xffff'ffff}, {"redirect", 7}};
const Words kScrubs{{"none", 0}, {"default", 1}};
const Words kPairings{{"pair", 0}, {"single", 1}};

std::uint32_t number_of(const json& value, const Words& words) {
  return value.is_string() ? words.at(value.get<std::string>())
                           : static_cast<std::uint32_t>(value.get<std::int64_t>());
}

json word_for(std::uint32_t number, const Words& words) {
  for (const auto& [word, value] : words) {
    if (value == number) return word;
  }
  return number;
}

struct DataAttribute {
  const char* key;
  control::NetkitAttribute attribute;
  const Words* words;
};
const DataAttribute kDataAttributes[] = {
    {"policy", control::kNetkitPolicy, &kPolicies},
    {"peer_policy", control::kNetkitPeerPolicy, &kPolicies},
    {"mode", control::kNetkitMode, &kModes},
    {"scrub", control::kNetkitScrub, &kScrubs},
    {"peer_scrub", control::kNetkitPeerScrub, &kScrubs},
    {"pairing", control::kNetkitPairing, &kPairings},
};

struct NumberAttribute {
  const char* key;
  control::LinkAttribute attribute;
};
constexpr NumberAttribute kNumberAttributes[] = {
    {"mtu", control::kIflaMtu},
    {"txqlen", control::kIflaTxqlen},
    {"numtx", control::kIflaNumTxQueues},
    {"numrx", control::kIflaNumRxQueues},
};

struct FlagArgument {
  const char* key;
  device::DeviceFlag flag;
  bool inverted = false;
};
constexpr FlagArgument kFlagArguments[] = {
    {"up", device::kUp},
    {"arp", device::kNoArp, true},
    {"promisc", device::kPromisc},
    {"multicast", device::kMulticast},
};

struct FlagName {
  std::uint32_t flag;
  const char* name;
};
constexpr FlagName kFlagNames[] = {
    {device::kUp, "UP"},
    {device::kBroadcast, "BROADCAST"},
    {device::kLoopback, "LOOPBACK"},
    {device::kRunning, "RUNNING"},
    {device::kNoArp, "NOARP"},
    {device::kPromisc, "PROMISC"},
    {device::kAllMulti, "ALLMULTI"},
    {device::kMulticast, "MULTICAST"},
    {device::kLowerUp, "LOWER_UP"},
};

const char* word(device::OperState state) {
  switch (state) {
    case device::OperState::kUnknown:
      return "unknown";
    case device::OperState::kNotPresent:
      return "notpresent";
    case device::OperState::kDown:
      return "down";
    case device::OperState::kLowerLayerDown:
      return "lowerlayerdown";
    case device::OperState::kTesting:
      return "testing";
    case device::OperState::kDormant:
      return "dormant";
    case device::OperState::kUp:
      return "up";
  }
  return "";
}

json netkit_part(const control::NetkitReport& report) {
  json part{{"primary", report.primary ? 1 : 0},
            {"policy", word_for(std::to_underlying(report.policy), kPolicies)},
            {"mode", word_for(std::to_underlying(report.mode), kModes)},
            {"headroom", report.headroom},
            {"tailroom", report.tailroom},
            {"pairing", word_for(std::to_underlying(report.pairing), kPairings)}};
  if (report.scrub) part["scrub"] = word_for(std::to_underlying(*report.scrub), kScrubs);
  if (report.peer_policy) part["peer_policy"] = word_for(std::to_underlying(*report.peer_policy), kPolicies);
  if (report.peer_scrub) part["peer_scrub"] = word_for(std::to_underlying(*report.peer_scrub), kScrubs);
  return part;
}

void add_details(json& shown, const LinkReport& report) {
  constexpr int kEthernetType = 1;  // ARPHRD_ETHER
  shown["brd"] = to_string(report.broadcast);
  shown["type"] = kEthernetType;
  shown["min_mtu"] = report.min_mtu;
  shown["max_mtu"] = report.max_mtu;
  shown["txqlen"] = report.tx_queue_len;
  shown["numtx"] = report.num_tx_queues;
  shown["numrx"] = report.num_rx_queues;
  shown["gso_max_size"] = report.gso_max_size;
  shown["tso_max_size"] = report.tso_max_size;
  shown["group"] = report.group;
  shown["promiscuity"] = report.promiscuity;
  if (!report.alias.empty()) shown["alias"] = report.alias;
}

}  // namespace

json Scenario::netns_add(const Json& arguments) {
  const device::Rtnl rtnl = network_.lock();
  const auto added = network_.add_namespace(rtnl, arguments.at("name").get<std::string>());
  return added ? answer({}) : answer(std::unexpected(added.error()));
}

json Scenario::netns_del(const Json& arguments) {
  const device::NamespaceRef netns = find_netns(arguments.at("name").get<std::string>());
  if (netns == nullptr) return answer(fail(ENOENT));
  const device::Rtnl rtnl = network_.lock();
  network_.remove_namespace(rtnl, *netns);
  return answer({});
}

// The generic attributes and flags that the arguments name.
void Scenario::add_generic(AttributeWriter& attributes, IfInfo& header, const Json& arguments) {
  header.index = arguments.value("ifindex", header.index);
  if (arguments.contains("name")) attributes.text(control::kIflaIfname, arguments["name"].get<std::string>());
  if (arguments.contains("netns")) {
    attributes.u32(control::kIflaNetNsFd,
                   static_cast<std::uint32_t>(netns_descriptor(arguments["netns"].get<std::string>())));
  }
  if (arguments.contains("mac")) {
    const MacAddress mac = parse_mac(arguments["mac"].get<std::string>()).value();
    std::vector<std::uint8_t> address(mac.bytes.begin(), mac.bytes.end());
    address.resize(arguments.value("mac_len", address.size()));
    attributes.bytes(control::kIflaAddress, address);
  }
  for (const NumberAttribute& one : kNumberAttributes) {
    if (arguments.contains(one.key)) attributes.u32(one.attribute, number_of(arguments[one.key], {}));
  }
  if (arguments.contains("alias"))
    attributes.text(control::kIflaIfalias, arguments["alias"].get<std::string>());
  for (const FlagArgument& one : kFlagArguments) {
    if (!arguments.contains(one.key)) continue;
    header.change |= one.flag;
    if (arguments[one.key].get<bool>() != one.inverted) header.flags |= one.flag;
  }
}

AttributeWriter Scenario::netkit_data(const Json& arguments) {
  AttributeWriter data;
  for (const DataAttribute& one : kDataAttributes) {
    if (arguments.contains(one.key)) data.u32(one.attribute, number_of(arguments[one.key], *one.words));
  }
  if (arguments.contains("headroom"))
    data.u16(control::kNetkitHeadroom, arguments["headroom"].get<std::uint16_t>());
  if (arguments.contains("tailroom"))
    data.u16(control::kNetkitTailroom, arguments["tailroom"].get<std::uint16_t>());
  if (arguments.contains("peer")) {
    const auto [header, attributes] = describe_peer(arguments["peer"]);
    data.nest(control::kNetkitPeerInfo, header, attributes);
  }
  if (arguments.contains("primary"))
    data.u8(control::kNetkitPrimary, arguments["primary"].get<std::uint8_t>());
  return data;
}

json Scenario::create(const Json& arguments) {
  const std::string kind = arguments.value("kind", "netkit");
  const device::NamespaceRef netns = find_netns(arguments.value("ns", "host"));
  if (netns == nullptr) return answer(fail(ENOENT));
  client_->enter(netns);
  if (kind == "tap") return answer(control::new_tap(*client_, arguments.at("name").get<std::string>()));

  control::LinkRequest request;
  request.flags = control::kCreate | control::kExclusive;
  add_generic(request.attributes, request.header, arguments);
  AttributeWriter info;
  info.text(control::kInfoKind, kind);
  if (kind == "netkit" && !arguments.value("no_data", false)) {
    info.nest(control::kInfoData, netkit_data(arguments));
  } else if (kind == "veth" && arguments.contains("peer")) {
    const auto [header, attributes] = describe_peer(arguments["peer"]);
    info.nest(control::kInfoData, AttributeWriter().nest(control::kVethInfoPeer, header, attributes));
  }
  request.attributes.nest(control::kIflaLinkinfo, info);
  return answer(control::new_link(*client_, request));
}

std::pair<IfInfo, AttributeWriter> Scenario::describe_peer(const Json& arguments) {
  std::pair<IfInfo, AttributeWriter> peer;
  add_generic(peer.second, peer.first, arguments);
  return peer;
}

json Scenario::remove(const Json& arguments) {
  const auto target = enter_target(arguments.at("dev").get<std::string>());
  if (!target) return answer(std::unexpected(target.error()));
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(*target);
  return answer(control::delete_link(*client_, request));
}

json Scenario::set(const Json& arguments) {
  const auto target = enter_target(arguments.at("dev").get<std::string>());
  if (!target) return answer(std::unexpected(target.error()));
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(*target);
  add_generic(request.attributes, request.header, arguments);
  return answer(control::set_link(*client_, request));
}

json Scenario::change(const Json& arguments) {
  const auto target = enter_target(arguments.at("dev").get<std::string>());
  if (!target) return answer(std::unexpected(target.error()));
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(*target);
  AttributeWriter info;
  info.text(control::kInfoKind, "netkit").nest(control::kInfoData, netkit_data(arguments));
  request.attributes.nest(control::kIflaLinkinfo, info);
  return answer(control::new_link(*client_, request));
}

json Scenario::show(const Json& arguments) {
  const auto target = enter_target(arguments.at("dev").get<std::string>());
  if (!target) return answer(std::unexpected(target.error()));
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(*target);
  const auto report = control::get_link(*client_, request);
  if (!report) return answer(std::unexpected(report.error()));

  json shown = answer({});
  shown["name"] = report->name;
  shown["index"] = report->ifindex;
  shown["flags"] = json::array();
  for (const FlagName& one : kFlagNames) {
    if ((report->flags & one.flag) != 0) shown["flags"].push_back(one.name);
  }
  const std::string mac = to_string(report->mac);
  shown["mac"] = report->mac.is_zero() || given_macs_.contains(mac) ? mac : "random";
  shown["mtu"] = report->mtu;
  shown["oper"] = word(report->operstate);
  shown["carrier"] = report->carrier ? 1 : 0;
  shown["carrier_changes"] = report->carrier_changes;
  shown["xns"] = report->link && report->link->other_namespace;
  if (report->link) {
    shown["iflink"] = label(report->link->netns, report->link->name);
    if (!report->link->other_namespace) shown["m_down"] = !report->link->up;
  } else if (report->reports_link) {
    shown["iflink"] = 0;
  }
  if (!report->kind.empty()) shown["kind"] = report->kind;
  if (report->netkit) shown["netkit"] = netkit_part(*report->netkit);
  if (arguments.value("more", false)) add_details(shown, *report);
  return shown;
}

json Scenario::list(const Json& arguments) {
  const device::NamespaceRef netns = find_netns(arguments.value("ns", "host"));
  if (netns == nullptr) return answer(fail(ENOENT));
  client_->enter(netns);
  json devices = json::array();
  for (const LinkReport& report : control::list_links(*client_)) {
    devices.push_back(std::to_string(report.ifindex) + ":" + report.name);
  }
  json listed = answer({});
  listed["devs"] = std::move(devices);
  return listed;
}

}  // namespace netkit::conformance
