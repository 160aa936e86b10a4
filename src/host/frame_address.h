// How the addresses of a frame differ between a kernel netkit and the TAP that stands for it (tap_port.h).
#pragma once

#include "base/address.h"
#include "packet/drop_reason.h"
#include "packet/packet.h"

namespace netkit::host {

// From the pod, L3: the interface's own address reads as zero.
void hide_own_address(Packet& packet, const MacAddress& own);

// To the pod: gives the frame the addresses with which its stack takes it as what the packet's type says.
// kNone, or why the pod's stack would not have seen it.
[[nodiscard]] DropReason address_for_pod(Packet& packet, const MacAddress& own, bool l3);

}  // namespace netkit::host
