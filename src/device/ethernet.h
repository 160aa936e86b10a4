// What the kernel's Ethernet layer does to a packet at a device (net/ethernet/eth.c, net/core/skbuff.c).
#pragma once

#include "device/device.h"
#include "packet/packet.h"

namespace netkit::device {

// pkt_type from the destination address at the MAC header, seen from `receiver` (eth_skb_pkt_type).
void set_packet_type(Packet& packet, const Device& receiver);

// The packet's EtherType, or the pseudo protocol of an 802.2 / 802.3 frame (the second half of
// eth_type_trans). Data is behind the Ethernet header.
[[nodiscard]] Be16 ethernet_protocol(const Packet& packet);

// A frame arrives at `receiver`, data at its MAC header: pulls the header, sets pkt_type and protocol
// (eth_type_trans). False: shorter than the header.
[[nodiscard]] bool take_ethernet_header(Packet& packet, const Device& receiver);

// Moves a VLAN tag from the bytes into the metadata (skb_vlan_untag). Data is behind the Ethernet header.
// False: the frame is too short to hold the tag.
[[nodiscard]] bool take_vlan_tag(Packet& packet);

}  // namespace netkit::device
