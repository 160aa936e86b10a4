// Between a packet's checksum and segmentation metadata and the header in front of each frame on a TAP
// descriptor (virtio_net_hdr_to_skb, virtio_net_hdr_from_skb).
#pragma once

#include <optional>

#include "host/uapi.h"
#include "packet/packet.h"

namespace netkit::host {

// From the kernel: data() is the frame as it was read, a VLAN tag in its bytes. Sets checksum state and, for
// a super-packet, GSO type and size. False: the header points outside the frame.
[[nodiscard]] bool read_vnet_header(const VnetHeader& header, Packet& packet);

// To the kernel: data() is the frame as it will be written, a VLAN tag in its bytes. Nothing: the packet is a
// super-packet of a kind that the header cannot say (tunnels), or has no partial checksum, which all kinds
// need.
[[nodiscard]] std::optional<VnetHeader> make_vnet_header(const Packet& packet);

}  // namespace netkit::host
