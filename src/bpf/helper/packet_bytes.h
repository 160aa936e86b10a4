// Packet bytes by offset from data, as several families read and write them.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/run/context.h"

namespace netkit::bpf {

// bpf_skb_load_bytes: 0, or -EFAULT and zeros.
[[nodiscard]] std::int64_t load_packet_bytes(const RunContext& run, std::uint32_t offset,
                                             std::span<std::uint8_t> to);
// bpf_skb_store_bytes with its flags: 0, -EINVAL or -EFAULT.
[[nodiscard]] std::int64_t store_packet_bytes(RunContext& run, std::uint32_t offset,
                                              std::span<const std::uint8_t> from, std::uint64_t flags);

}  // namespace netkit::bpf
