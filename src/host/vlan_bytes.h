// A VLAN tag between the packet's metadata and its bytes.
#pragma once

#include "packet/packet.h"

namespace netkit::host {

// The outermost tag in the bytes of an Ethernet frame, if there is one, goes beside them (skb_vlan_untag).
void take_vlan_tag_out(Packet& packet);

// The tag beside the bytes, if there is one, goes into them (__vlan_hwaccel_push_inside). False: no memory.
[[nodiscard]] bool put_vlan_tag_in(Packet& packet);

}  // namespace netkit::host
