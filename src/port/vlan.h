// The outermost VLAN tag stands in the bytes on wires and in files, and beside them in the engine, as in the
// kernel.
#pragma once

#include "packet/packet.h"

namespace netkit {

// Takes the tag out of the bytes of an Ethernet frame (skb_vlan_untag). Leaves a packet alone that has none,
// or one beside the bytes already. False: the tag is cut off.
[[nodiscard]] bool take_vlan_tag(Packet& packet);

// Puts the tag beside the bytes, if there is one, into them (__vlan_hwaccel_push_inside). False: no memory.
[[nodiscard]] bool put_vlan_tag(Packet& packet);

}  // namespace netkit
