#include "control/flows.h"

#include "device/device.h"
#include "device/namespace.h"

namespace netkit::control {

std::vector<FlowReport> list_flows(Client& client) {
  std::vector<FlowReport> reports;
  const device::Rtnl rtnl = client.network().lock();
  for (const device::DeviceRef& device : client.netns()->devices(rtnl)) {
    reports.push_back({.name = device->name(),
                       .ifindex = device->ifindex(),
                       .stats = device->stats(),
                       .transmit = device->transmit_totals(),
                       .receive = device->receive_totals()});
  }
  return reports;
}

}  // namespace netkit::control
