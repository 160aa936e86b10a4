// lo: what is sent on it is received on it (drivers/net/loopback.c). It always has carrier.
#pragma once

#include "device/device.h"

namespace netkit::device {

class Loopback final : public Device {
 public:
  explicit Loopback(Network& network);

  [[nodiscard]] DeviceKind kind() const override { return DeviceKind::kLoopback; }
  [[nodiscard]] bool movable() const override { return false; }
  TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) override;
};

}  // namespace netkit::device
