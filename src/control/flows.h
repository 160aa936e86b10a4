// Where the packets of devices went: what `netkit stats` shows. The kernel has no such request; its counters
// are in the reports of links.
#pragma once

#include <string>
#include <vector>

#include "control/client.h"
#include "device/counters.h"

namespace netkit::control {

struct FlowReport {
  std::string name;
  device::IfIndex ifindex = 0;
  device::LinkStats stats;
  device::FlowTotals transmit;
  device::FlowTotals receive;
};

// Of the devices in the client's namespace, by rising number.
[[nodiscard]] std::vector<FlowReport> list_flows(Client& client);

}  // namespace netkit::control
