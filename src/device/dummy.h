// The kernel's dummy device: takes every packet and throws it away, which is what it is for
// (drivers/net/dummy.c).
#pragma once

#include "device/device.h"

namespace netkit::device {

class Dummy final : public Device {
 public:
  // A random MAC unless the settings have one.
  Dummy(Network& network, DeviceSettings settings);

  [[nodiscard]] DeviceKind kind() const override { return DeviceKind::kDummy; }
  TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) override;
};

}  // namespace netkit::device
