// The internet checksum (RFC 1071): partial sums, the pseudo header, incremental update (RFC 1624), and what
// packets need of it.
//
// A partial sum is the one's complement sum of 16-bit words as they stand in memory, not folded, not negated:
// the kernel's __wsum. It is the same on machines of either byte order, so none of this ever swaps bytes.
// What stands in a header is a Be16: the folded, negated sum.
#pragma once

#include <cstdint>
#include <span>

#include "base/endian.h"
#include "packet/dissect.h"
#include "packet/headers.h"
#include "packet/packet.h"

namespace netkit {

using PartialSum = std::uint32_t;

// `start` + the sum of `bytes`, whose first byte stands at an even distance from the checksummed start
// (csum_partial).
[[nodiscard]] PartialSum sum_of(std::span<const std::uint8_t> bytes, PartialSum start = 0);

[[nodiscard]] constexpr PartialSum sum_add(PartialSum a, PartialSum b) {
  const PartialSum sum = a + b;
  return sum + (sum < b ? 1U : 0U);
}
[[nodiscard]] constexpr PartialSum sum_sub(PartialSum a, PartialSum b) {
  return sum_add(a, ~b);
}

// Adds the sum of a block that begins `offset` bytes behind the checksummed start (csum_block_add).
[[nodiscard]] constexpr PartialSum sum_add_block(PartialSum sum, PartialSum block, std::uint32_t offset) {
  return sum_add(sum, (offset & 1U) != 0 ? (block << 8U) | (block >> 24U) : block);
}

// Folded to 16 bits, not negated.
[[nodiscard]] constexpr std::uint16_t fold(PartialSum sum) {
  sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum + (sum >> 16U));
}
// What goes into the header (csum_fold).
[[nodiscard]] constexpr Be16 finish(PartialSum sum) {
  return Be16::from_raw(static_cast<std::uint16_t>(~fold(sum)));
}
// Back from a header field to the sum that it stands for (csum_unfold of its complement).
[[nodiscard]] constexpr PartialSum sum_behind(Be16 checksum) {
  return static_cast<std::uint16_t>(~checksum.raw());
}
// A result of zero is sent as 0xffff where zero means "none" (UDP) and by whoever completes a partial
// checksum (CSUM_MANGLED_0).
[[nodiscard]] constexpr Be16 never_zero(Be16 checksum) {
  return checksum == Be16{} ? Be16{0xffff} : checksum;
}

// A checksum after one field of what it covers has changed (RFC 1624, equation 3; csum_replace).
template <class Field>
  requires(sizeof(Field) == 2 || sizeof(Field) == 4)
[[nodiscard]] constexpr Be16 update_checksum(Be16 checksum, Field from, Field to) {
  return finish(sum_add(sum_sub(sum_behind(checksum), from.raw()), to.raw()));
}

// The pseudo headers (csum_tcpudp_nofold, csum_ipv6_magic): `length` is that of the transport header and
// payload.
[[nodiscard]] PartialSum pseudo_header_sum(Be32 source, Be32 destination, std::uint8_t protocol,
                                           std::uint32_t length);
[[nodiscard]] PartialSum pseudo_header_sum(const Ipv6Bytes& source, const Ipv6Bytes& destination,
                                           std::uint8_t protocol, std::uint32_t length);
// That of the IP packet whose headers `layout` has found in `bytes`.
[[nodiscard]] PartialSum pseudo_header_sum(std::span<const std::uint8_t> bytes, const Layout& layout,
                                           std::uint32_t length);

// The checksum of an IPv4 header (options included) whose checksum field counts as zero, and its
// verification.
[[nodiscard]] Be16 ipv4_header_checksum(std::span<const std::uint8_t> header);
[[nodiscard]] inline bool ipv4_header_correct(std::span<const std::uint8_t> header) {
  return fold(sum_of(header)) == 0xffff;
}

// Leaves the transport checksum of a packet to be computed later: from `start` (from data) to the end, stored
// `offset` bytes behind start, where the pseudo header's sum stands already.
void set_partial_checksum(Packet& packet, std::uint32_t start, std::uint16_t offset);
// Whether the partial checksum that a packet has is that of the transport header which `layout` names.
[[nodiscard]] bool partial_for_transport(const Packet& packet, const Layout& layout);
// Computes a partial checksum and stores it, zero as 0xffff (skb_checksum_help). Does nothing in any other
// state. False: the positions do not lie in the packet, which is left alone (drop it as malformed).
[[nodiscard]] bool complete_checksum(Packet& packet);

// Whether the transport checksum of a TCP, UDP, ICMP or ICMPv6 packet is right, by its bytes.
enum class ChecksumVerdict : std::uint8_t {
  kCorrect,
  kWrong,
  kAbsent,   // UDP over IPv4 without one
  kUnknown,  // another protocol, a fragment, or lengths that do not fit the packet
};
[[nodiscard]] ChecksumVerdict verify_transport_checksum(std::span<const std::uint8_t> bytes,
                                                        const Layout& layout);

}  // namespace netkit
