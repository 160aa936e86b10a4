// Packet loads of classic BPF: LD_ABS and LD_IND.
#pragma once

#include <cstdint>
#include <optional>

#include "packet/packet.h"

namespace netkit::bpf {

// `size` bytes (1, 2 or 4) in host order at the low 32 bits of `offset`, as a signed number: from data, or
// when negative from the network header (SKF_NET_OFF) or the MAC header (SKF_LL_OFF). None: outside, which
// ends the function with R0 = 0 (bpf_skb_load_helper_*, bpf_gen_ld_abs).
[[nodiscard]] std::optional<std::uint32_t> legacy_load(Packet& packet, std::uint64_t offset, unsigned size);

}  // namespace netkit::bpf
