#include "device/loopback.h"

#include "device/ethernet.h"
#include "device/execution.h"
#include "device/receive.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kLoopbackMtu = 65536;

DeviceSettings loopback_settings() {
  DeviceSettings settings;
  settings.mtu = kLoopbackMtu;
  settings.min_mtu = 0;
  settings.max_mtu = 0;  // no limit
  settings.flags = kLoopback;
  settings.broadcast = {};
  settings.tso_max_size = kTsoMaxSize;
  settings.carrier = true;
  return settings;
}

}  // namespace

Loopback::Loopback(Network& network) : Device(network, loopback_settings()) {}

// loopback_xmit. Its statistics leave the Ethernet header out.
TransmitStatus Loopback::start_transmit(Execution& execution, PacketBatch& batch) {
  CpuCounters& counters = execution.counters(*this);
  for (PacketPtr& packet : batch) {
    packet->meta.tstamp = 0;
    if (!take_ethernet_header(*packet, *this)) {
      counters.transmit.drop(DropReason::kTooShort);
      continue;
    }
    const std::uint32_t length = packet->len();
    if (!enqueue_to_backlog(execution, *this, std::move(packet))) {
      counters.transmit.drop(DropReason::kBacklogFull);
      continue;
    }
    counters.transmit.forwarded.add(1);
    counters.tx_packets.add(1);
    counters.tx_bytes.add(length);
    counters.rx_packets.add(1);
    counters.rx_bytes.add(length);
  }
  batch.clear();
  return TransmitStatus::kSuccess;
}

}  // namespace netkit::device
