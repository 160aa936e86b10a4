// Methods about where packets went.
#include <nlohmann/json.hpp>

#include "control/flows.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

Json describe(const device::FlowTotals& flow) {
  Json dropped = Json::object();
  for (std::size_t i = 0; i < flow.dropped.size(); ++i) {
    const std::string name(netkit::describe(static_cast<DropReason>(i)).name);
    if (flow.dropped[i] > 0) dropped[name] = flow.dropped[i];
  }
  return {{"offered", flow.offered},
          {"forwarded", flow.forwarded},
          {"redirected", flow.redirected},
          {"segmented", flow.segmented},
          {"dropped", std::move(dropped)}};
}

Result<> flows(Call& call) {
  call.answer = Json::array();
  for (const control::FlowReport& report : control::list_flows(call.session.client())) {
    const device::LinkStats& stats = report.stats;
    call.answer.push_back({{"ifname", report.name},
                           {"ifindex", report.ifindex},
                           {"rx_packets", stats.rx_packets},
                           {"rx_bytes", stats.rx_bytes},
                           {"tx_packets", stats.tx_packets},
                           {"tx_bytes", stats.tx_bytes},
                           {"transmit", describe(report.transmit)},
                           {"receive", describe(report.receive)}});
  }
  return {};
}

}  // namespace

std::span<const Method> stats_methods() {
  static constexpr Method kMethods[] = {{.name = "stats.flows", .handle = flows, .need = Need::kNetns}};
  return kMethods;
}

}  // namespace netkit::rpc
