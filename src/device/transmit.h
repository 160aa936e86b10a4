// The transmit side of a device: what the stack above it, or a redirect, hands it (spec
// redirect-and-forwarding.md 1.2; __dev_queue_xmit).
#pragma once

#include "device/execution.h"

namespace netkit::device {

// Egress programs, state of the device, what the driver cannot take done in software, listeners, driver.
// Packets have their data at the MAC header. Takes all out of the batch.
TransmitStatus queue_transmit(Execution& execution, Device& device, PacketBatch& batch);

// Straight to the driver: no egress programs, no listeners (__dev_direct_xmit).
TransmitStatus direct_transmit(Execution& execution, Device& device, PacketBatch& batch);

}  // namespace netkit::device
