// A listener on a device: the kernel's packet tap (a packet socket bound to all protocols).
#pragma once

#include <cstdint>

#include "packet/packet.h"

namespace netkit::device {

class Device;

class Sniffer {
 public:
  virtual ~Sniffer() = default;
  // A packet passes; its data begins at the MAC header. `outgoing`: the device is about to transmit it (after
  // the egress programs, before the driver), else it has just received it (before the ingress programs).
  // Called on the thread that moves the packet, which must not be kept waiting.
  virtual void heard(const Device& device, const Packet& packet, bool outgoing) = 0;
};

}  // namespace netkit::device
