// A packet as the embedding process sends and receives it.
#pragma once

#include <cstdint>
#include <vector>

#include <netkit/visibility.h>

namespace netkit::v1 {

// An Ethernet frame (L3 devices too: their addresses are zero) and what travels beside its bytes, named as in
// struct __sk_buff.
struct Packet {
  std::vector<std::uint8_t> bytes = {};
  std::uint32_t mark = 0;
  std::uint32_t priority = 0;
  std::uint32_t hash = 0;
  bool vlan_present = false;     // a tag beside the bytes
  std::uint16_t vlan_tci = 0;    // host order
  std::uint16_t vlan_proto = 0;  // host order: 0x8100 or 0x88a8
  std::uint16_t gso_size = 0;    // payload bytes of each segment of a super-packet; 0: none
  // The transport checksum is left to be computed (CHECKSUM_PARTIAL).
  bool partial_checksum = false;
};

}  // namespace netkit::v1
