#include "device/transmit.h"

#include <algorithm>

#include "device/hook.h"
#include "device/redirect.h"
#include "device/run_list.h"
#include "packet/headers.h"
#include "packet/segment.h"

namespace netkit::device {
namespace {

// Drops what is left of a batch at the owner, as its own loss.
void drop_all(CpuCounters& counters, PacketBatch& batch, DropReason reason) {
  counters.tx_dropped.add(batch.size());
  counters.transmit.drop(reason, batch.size());
  batch.clear();
}

void arrive(Execution& execution, Device& device, PacketBatch& batch) {
  execution.counters(device).transmit.offered.add(batch.size());
  const IfIndex ifindex = device.ifindex();
  for (PacketPtr& packet : batch) {
    PacketMeta& meta = packet->meta;
    meta.dev = &device;
    meta.ifindex = ifindex;
    meta.at_ingress = false;
    packet->set_mac_header();
    if (meta.network_header == kUnset) packet->set_network_header(kEthernetHeader);
  }
}

// The programs outside the driver (sch_handle_egress): what may go on stays in the batch.
TransmitStatus run_egress(Execution& execution, Device& device, const DirectionHook& hook,
                          PacketBatch& batch) {
  FlowCounters& flow = execution.counters(device).transmit;
  Redirector redirector(execution, flow, Hook::kEgress);
  TransmitStatus status = TransmitStatus::kSuccess;
  PacketBatch passed;
  for (PacketPtr& packet : batch) {
    execution.begin_packet();
    switch (hook.run(execution, *packet)) {
      case HookVerdict::kRedirect:
        redirector.redirect(std::move(packet));
        continue;
      case HookVerdict::kDrop:
        flow.drop(verdict_reason(execution, DropReason::kEgressVerdict));
        status = TransmitStatus::kDrop;
        continue;
      case HookVerdict::kStolen:
        flow.drop(DropReason::kStolen);
        continue;
      case HookVerdict::kContinue:
        break;
    }
    passed.push(std::move(packet));
  }
  redirector.flush();
  batch.clear();
  batch = std::move(passed);
  return status;
}

// Whether the device takes the super-packet whole (netif_needs_gso, gso_features_check).
bool exceeds_limits(const Device& device, const Packet& packet) {
  if (!is_gso(packet)) return false;
  const bool ipv4 = packet.meta.protocol == kProtoIpv4;
  const std::uint32_t limit = ipv4 ? device.gso_ipv4_max_size() : device.gso_max_size();
  return packet.len() >= limit || segment_count(packet) > device.gso_max_segs();
}

bool any_exceeds_limits(const Device& device, PacketBatch& batch) {
  return std::ranges::any_of(batch,
                             [&device](const PacketPtr& packet) { return exceeds_limits(device, *packet); });
}

TransmitStatus to_driver(Execution& execution, Device& device, PacketBatch& batch) {
  if (batch.empty()) return TransmitStatus::kSuccess;
  if (const auto* const sniffers = device.sniffers()) {
    for (PacketPtr& packet : batch) {
      for (Sniffer* const sniffer : *sniffers) sniffer->heard(device, *packet, true);
    }
  }
  if (!device.queueless()) return device.start_transmit(execution, batch);
  const Execution::Nesting nesting(execution);
  return device.start_transmit(execution, batch);
}

// The way of a batch that holds a super-packet over the device's limits: it is cut in software, in its place.
TransmitStatus segment_to_driver(Execution& execution, Device& device, PacketBatch& batch) {
  CpuCounters& counters = execution.counters(device);
  TransmitStatus status = TransmitStatus::kSuccess;
  PacketBatch ready;
  const auto send = [&](PacketPtr packet) {
    if (ready.full()) status = merge(status, to_driver(execution, device, ready));
    ready.push(std::move(packet));
  };
  for (PacketPtr& packet : batch) {
    if (!exceeds_limits(device, *packet)) {
      send(std::move(packet));
      continue;
    }
    const auto segments = segment(*packet, execution.pool(), SegmentChecksum::kPartial, [&](PacketPtr piece) {
      counters.transmit.offered.add(1);
      send(std::move(piece));
    });
    counters.transmit.segmented.add(1);
    if (!segments) {
      counters.tx_dropped.add(1);
      counters.transmit.offered.add(1);
      counters.transmit.drop(segments.error());
    }
  }
  batch.clear();
  return merge(status, to_driver(execution, device, ready));
}

}  // namespace

TransmitStatus queue_transmit(Execution& execution, Device& device, PacketBatch& batch) {
  arrive(execution, device, batch);
  TransmitStatus status = TransmitStatus::kSuccess;
  if (const DirectionHook hook(device, Direction::kEgress); hook.exists())
    status = run_egress(execution, device, hook, batch);
  if (batch.empty()) return status;

  CpuCounters& counters = execution.counters(device);
  if (!device.is_up() || !device.carrier()) {
    drop_all(counters, batch, device.is_up() ? DropReason::kNoCarrier : DropReason::kDeviceDown);
    return TransmitStatus::kCongestion;
  }
  if (device.queueless() && execution.too_deep()) {
    drop_all(counters, batch, DropReason::kRecursion);
    return TransmitStatus::kNetDown;
  }
  const bool cut = any_exceeds_limits(device, batch);
  return merge(status,
               cut ? segment_to_driver(execution, device, batch) : to_driver(execution, device, batch));
}

TransmitStatus direct_transmit(Execution& execution, Device& device, PacketBatch& batch) {
  arrive(execution, device, batch);
  if (!device.is_up() || !device.carrier()) {
    drop_all(execution.counters(device), batch,
             device.is_up() ? DropReason::kNoCarrier : DropReason::kDeviceDown);
    return TransmitStatus::kDrop;
  }
  const Execution::Nesting nesting(execution);
  return device.start_transmit(execution, batch);
}

}  // namespace netkit::device
