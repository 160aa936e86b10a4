// The kernel's veth pair, as far as scenarios with netkit need it (drivers/net/veth.c, without XDP and NAPI).
#pragma once

#include <memory>
#include <string>

#include "device/pair.h"

namespace netkit::device {

class Veth final : public PairedDevice {
 public:
  // A random MAC unless the settings have one.
  Veth(Network& network, DeviceSettings settings);

  [[nodiscard]] DeviceKind kind() const override { return DeviceKind::kVeth; }
  TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) override;
};

}  // namespace netkit::device
