// The receive side of a device: from its driver or the backlog to the stack above it (spec
// redirect-and-forwarding.md 1.1;
// __netif_receive_skb_core).
#pragma once

#include "device/execution.h"

namespace netkit::device {

// Puts a packet, data behind its Ethernet header, on the worker's backlog for `receiver` (netif_rx). False:
// refused, since the backlog is full or the device is not up; the packet has gone and the receiver's
// rx_dropped was counted.
[[nodiscard]] bool enqueue_to_backlog(Execution& execution, Device& receiver, PacketPtr packet);

// Packets that have arrived at `device`, data behind the Ethernet header, pkt_type and protocol set:
// listeners, ingress programs, then the stack above. Takes all out of the batch. `round` counts the times
// that redirect_peer has sent them round already.
void receive_packets(Execution& execution, Device& device, PacketBatch& batch, std::uint32_t round = 0);

}  // namespace netkit::device
