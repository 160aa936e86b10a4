// What a request for a device's state answers: the attributes of an RTM_NEWLINK message as a plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.h"
#include "device/counters.h"
#include "device/flags.h"
#include "device/netkit.h"

namespace netkit::control {

// IFLA_INFO_DATA of a netkit device, seen from the dumped end (spec netkit-device.md section 10).
struct NetkitReport {
  bool primary = true;
  device::NetkitPolicy policy = device::NetkitPolicy::kPass;
  device::NetkitMode mode = device::NetkitMode::kL3;
  std::optional<device::NetkitScrub> scrub;  // not of a single device
  std::uint16_t headroom = 0;
  std::uint16_t tailroom = 0;
  device::NetkitPairing pairing = device::NetkitPairing::kPair;
  std::optional<device::NetkitPolicy> peer_policy;  // while there is another end
  std::optional<device::NetkitScrub> peer_scrub;
};

// The other end: IFLA_LINK and IFLA_LINK_NETNSID.
struct LinkEnd {
  device::IfIndex ifindex = 0;
  std::string name;
  bool other_namespace = false;
  std::string netns;  // name of its namespace
  std::uint64_t netnsid = 0;
  bool up = false;
};

struct LinkReport {
  std::string name;
  device::IfIndex ifindex = 0;
  std::string netns;
  std::string_view kind;    // empty: none
  std::uint32_t flags = 0;  // IFF_*, RUNNING and LOWER_UP included
  bool carrier = false;
  std::uint32_t carrier_changes = 0;
  device::OperState operstate = device::OperState::kUnknown;
  MacAddress mac;
  MacAddress broadcast;
  std::uint32_t mtu = 0, min_mtu = 0, max_mtu = 0;
  std::uint32_t tx_queue_len = 0;
  std::uint32_t num_tx_queues = 1, num_rx_queues = 1;
  std::uint32_t gso_max_size = 0, gso_max_segs = 0, gso_ipv4_max_size = 0;
  std::uint32_t gro_max_size = 0, gro_ipv4_max_size = 0, tso_max_size = 0;
  std::uint32_t group = 0;
  std::uint32_t promiscuity = 0;
  std::uint32_t headroom = 0, tailroom = 0;
  std::string alias;
  std::optional<LinkEnd> link;
  bool reports_link = false;  // the kind has IFLA_LINK; without another end it is 0
  std::optional<NetkitReport> netkit;
  device::LinkStats stats;
};

// The state of a device at this moment.
[[nodiscard]] LinkReport report_link(const device::Rtnl& rtnl, const device::Device& device);

}  // namespace netkit::control
