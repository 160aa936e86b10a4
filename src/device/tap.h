// An in-process TAP: what its stack sends goes to the program that holds it, its lower port; what that
// program sends is received (Execution::receive). Without a program it has no carrier (drivers/net/tun.c).
#pragma once

#include <atomic>

#include "device/device.h"

namespace netkit::device {

class Tap final : public Device {
 public:
  // A random MAC unless the settings have one.
  Tap(Network& network, DeviceSettings settings);

  [[nodiscard]] DeviceKind kind() const override { return DeviceKind::kTap; }
  [[nodiscard]] bool queueless() const override { return false; }
  [[nodiscard]] Port* lower_port() const { return lower_port_.load(std::memory_order_acquire); }
  // The port must outlive the device's use of it: after taking it away (null) wait for a grace period.
  void set_lower_port(const Rtnl& rtnl, Port* port);
  TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) override;

 private:
  std::atomic<Port*> lower_port_{nullptr};
};

}  // namespace netkit::device
