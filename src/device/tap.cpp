#include "device/tap.h"

#include "device/execution.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kTapMaxMtu = 65521;

DeviceSettings with_tap_rules(DeviceSettings settings) {
  settings.max_mtu = kTapMaxMtu;
  if (settings.mac.is_zero()) settings.mac = random_mac();
  return settings;
}

}  // namespace

Tap::Tap(Network& network, DeviceSettings settings) : Device(network, with_tap_rules(settings)) {}

void Tap::set_lower_port(const Rtnl& rtnl, Port* port) {
  lower_port_.store(port, std::memory_order_release);
  set_carrier(rtnl, port != nullptr);
}

TransmitStatus Tap::start_transmit(Execution& execution, PacketBatch& batch) {
  CpuCounters& own = execution.counters(*this);
  Port* const port = lower_port();
  if (port == nullptr) {
    own.tx_dropped.add(batch.size());
    own.transmit.drop(DropReason::kNoPort, batch.size());
    batch.clear();
    return TransmitStatus::kDrop;
  }
  for (const PacketPtr& packet : batch) own.tx_bytes.add(packet->len());
  own.tx_packets.add(batch.size());
  own.transmit.forwarded.add(batch.size());
  execution.hand_to(*port, batch);
  return TransmitStatus::kSuccess;
}

}  // namespace netkit::device
