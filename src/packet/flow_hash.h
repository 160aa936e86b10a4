// The hash of the flow that a packet belongs to, as skb_get_hash has it: over addresses, ports and protocol,
// the same in both directions, never zero. The value itself is ours (the kernel's key is random, too).
#pragma once

#include <cstdint>
#include <span>

#include "packet/dissect.h"
#include "packet/packet.h"

namespace netkit {

// Of the IP packet whose headers `layout` has found in `bytes`. Fragments are hashed without ports.
[[nodiscard]] std::uint32_t flow_hash(std::span<const std::uint8_t> bytes, const Layout& layout);

// The packet's hash; computed and noted (hash, sw_hash, l4_hash) if it has none (skb_get_hash).
std::uint32_t get_flow_hash(Packet& packet);

}  // namespace netkit
