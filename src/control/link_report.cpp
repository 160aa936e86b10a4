#include "control/link_report.h"

#include "device/namespace.h"

namespace netkit::control {
namespace {

NetkitReport report_netkit(const device::Netkit& netkit) {
  NetkitReport report;
  report.primary = netkit.role() == device::Netkit::Role::kPrimary;
  report.policy = netkit.policy();
  report.mode = netkit.mode();
  if (netkit.pairing() == device::NetkitPairing::kPair) report.scrub = netkit.scrub();
  report.headroom = static_cast<std::uint16_t>(netkit.needed_headroom());
  report.tailroom = static_cast<std::uint16_t>(netkit.needed_tailroom());
  report.pairing = netkit.pairing();
  if (const device::Netkit* const other = netkit.other()) {
    report.peer_policy = other->policy();
    report.peer_scrub = other->scrub();
  }
  return report;
}

}  // namespace

LinkReport report_link(const device::Rtnl&, const device::Device& device) {
  const device::DeviceSettings& settings = device.settings();
  LinkReport report;
  report.name = device.name();
  report.ifindex = device.ifindex();
  report.netns = device.netns()->name();
  report.kind = device::kind_name(device.kind());
  report.flags = device.reported_flags();
  report.carrier = device.carrier();
  report.carrier_changes = device.carrier_changes();
  report.operstate = device.operstate();
  report.mac = device.mac();
  report.broadcast = device.broadcast();
  report.mtu = device.mtu();
  report.min_mtu = settings.min_mtu;
  report.max_mtu = settings.max_mtu;
  report.tx_queue_len = settings.tx_queue_len;
  report.num_tx_queues = settings.num_tx_queues;
  report.num_rx_queues = settings.num_rx_queues;
  report.gso_max_size = settings.gso_max_size;
  report.gso_max_segs = settings.gso_max_segs;
  report.gso_ipv4_max_size = settings.gso_ipv4_max_size;
  report.gro_max_size = settings.gro_max_size;
  report.gro_ipv4_max_size = settings.gro_ipv4_max_size;
  report.tso_max_size = settings.tso_max_size;
  report.group = settings.group;
  report.promiscuity = device.promiscuity();
  report.headroom = device.needed_headroom();
  report.tailroom = device.needed_tailroom();
  report.alias = device.alias();
  report.reports_link =
      device.kind() == device::DeviceKind::kNetkit || device.kind() == device::DeviceKind::kVeth;
  if (const device::Device* const end = device.link_device()) {
    report.link = LinkEnd{.ifindex = end->ifindex(),
                          .name = end->name(),
                          .other_namespace = end->netns() != device.netns(),
                          .netns = end->netns()->name(),
                          .netnsid = end->netns()->cookie(),
                          .up = end->is_up()};
  }
  if (const auto* const netkit = dynamic_cast<const device::Netkit*>(&device))
    report.netkit = report_netkit(*netkit);
  report.stats = device.stats();
  return report;
}

}  // namespace netkit::control
