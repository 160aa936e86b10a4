// The jumbo payload option of IPv6 (RFC 2675), alone in a hop-by-hop header as Linux before 7.0 writes it
// into BIG TCP packets. Newer kernels leave it away: the payload length is 0 and the packet's length counts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "packet/dissect.h"
#include "packet/packet.h"

namespace netkit {

// The bytes of the hop-by-hop header that holds the option and nothing else.
inline constexpr std::uint32_t kJumboOption = 8;

// Where that header is, counted from the start of `bytes`, in a packet that needs it: if it follows the IPv6
// header immediately and TCP follows it (ipv6_has_hopopt_jumbo).
[[nodiscard]] std::optional<std::uint32_t> find_jumbo_option(std::span<const std::uint8_t> bytes,
                                                             const Layout& layout);

// Inserts the option into an IPv6 packet whose payload is longer than 65535 bytes, as kernels that demand it
// want to get such a packet. Everything behind the IPv6 header stays, what is in front moves. False: no
// memory.
[[nodiscard]] bool insert_jumbo_option(Packet& packet, const Layout& layout);

}  // namespace netkit
