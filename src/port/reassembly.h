// Puts IP fragments together again (RFC 791, RFC 8200 section 4.5), for the end hosts of tests and in-process
// runs.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"

namespace netkit {

// Which datagram a fragment belongs to.
struct FragmentKey {
  IpAddress source, destination;
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;  // IPv4 only; 0 in IPv6

  friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};

class Reassembler {
 public:
  // The IP payload of the datagram once `fragment` was its last missing part. Fragments that overlap without
  // being equal, reach beyond 65535 bytes or contradict the datagram's end destroy it (RFC 5722; for IPv4 as
  // well). The oldest datagram gives way when more than 64 are incomplete.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> add(const FragmentKey& key, std::uint32_t offset,
                                                             bool more,
                                                             std::span<const std::uint8_t> fragment);
  [[nodiscard]] std::size_t incomplete() const { return datagrams_.size(); }

 private:
  struct Range {
    std::uint32_t begin, end;
    friend bool operator==(const Range&, const Range&) = default;
  };
  struct Datagram {
    FragmentKey key;
    std::vector<std::uint8_t> bytes;
    std::vector<Range> ranges;  // what is there, in no order
    std::uint32_t present = 0;  // bytes of it
    std::optional<std::uint32_t> length;
  };
  [[nodiscard]] static bool insert(Datagram& datagram, Range range, bool more,
                                   std::span<const std::uint8_t> fragment);

  std::list<Datagram> datagrams_;  // the oldest first
};

}  // namespace netkit
