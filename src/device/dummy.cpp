#include "device/dummy.h"

#include "device/execution.h"

namespace netkit::device {
namespace {

DeviceSettings with_dummy_rules(DeviceSettings settings) {
  settings.flags = kBroadcast | kNoArp;
  settings.min_mtu = 0;
  settings.max_mtu = 0;  // no limit
  settings.carrier = true;
  if (settings.mac.is_zero()) settings.mac = random_mac();
  return settings;
}

}  // namespace

Dummy::Dummy(Network& network, DeviceSettings settings) : Device(network, with_dummy_rules(settings)) {}

TransmitStatus Dummy::start_transmit(Execution& execution, PacketBatch& batch) {
  CpuCounters& own = execution.counters(*this);
  for (const PacketPtr& packet : batch) own.tx_bytes.add(packet->len());
  own.tx_packets.add(batch.size());
  own.transmit.forwarded.add(batch.size());
  batch.clear();
  return TransmitStatus::kSuccess;
}

}  // namespace netkit::device
