// What interfaces need of MAC addresses beyond the plain value (linux/etherdevice.h).
#pragma once

#include <cstdint>
#include <cstring>

#include "base/address.h"

namespace netkit::device {

// A random, locally administered unicast address (eth_random_addr).
[[nodiscard]] MacAddress random_mac();

// An address that an interface may have: neither a group's nor zero (is_valid_ether_addr).
[[nodiscard]] inline bool is_valid_unicast(const MacAddress& mac) {
  return !mac.is_group() && !mac.is_zero();
}

// The six bytes at `at`, which need no alignment.
[[nodiscard]] inline MacAddress mac_at(const std::uint8_t* at) {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), at, mac.bytes.size());
  return mac;
}

// As one number, so that it can be published atomically; the two are inverse.
[[nodiscard]] inline std::uint64_t pack(const MacAddress& mac) {
  std::uint64_t value = 0;
  std::memcpy(&value, mac.bytes.data(), mac.bytes.size());
  return value;
}
[[nodiscard]] inline MacAddress unpack(std::uint64_t value) {
  MacAddress mac;
  std::memcpy(mac.bytes.data(), &value, mac.bytes.size());
  return mac;
}

}  // namespace netkit::device
