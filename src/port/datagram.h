// An IP datagram as an end host sees it: addresses, protocol, and the transport header with what follows it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/address.h"
#include "packet/checksum.h"

namespace netkit {

struct IpDatagram {
  IpAddress source, destination;
  std::uint8_t protocol = 0;
  std::uint8_t hop_limit = 64;
  std::vector<std::uint8_t> payload;
};

// Where the transport checksum stands in the payload, and whether it covers the pseudo header.
struct ChecksumPlace {
  std::uint16_t offset = 0;
  bool pseudo_header = false;
};
// Nothing for protocols other than TCP, UDP, ICMP and ICMPv6, and for a payload that is too short.
[[nodiscard]] std::optional<ChecksumPlace> checksum_place(const IpDatagram& datagram);

// The sum of the pseudo header.
[[nodiscard]] PartialSum pseudo_sum(const IpDatagram& datagram);

// True too where there is none: another protocol, or UDP over IPv4 with a zero.
[[nodiscard]] bool checksum_correct(const IpDatagram& datagram);
// Computes the transport checksum and writes it to its place.
void fill_checksum(IpDatagram& datagram);

}  // namespace netkit
