// Doing in software what a port cannot take: segmentation and checksums (validate_xmit_skb, for the way out
// of the engine).
#pragma once

#include "device/execution.h"
#include "packet/batch.h"
#include "port/port.h"

namespace netkit::device {

// Sends the batch through the port of `device`; super-packets are cut and partial checksums completed as far
// as the port cannot take them. What cannot be made fit is dropped, counted at the device as lost on its
// receive side.
void send_up(Execution& execution, Device& device, Port& port, PacketBatch& batch);

}  // namespace netkit::device
