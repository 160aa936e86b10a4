// A 48-bit link-layer address as a value.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace netkit::device {

struct MacAddress {
  static constexpr std::size_t kSize = 6;
  std::array<std::uint8_t, kSize> bytes{};

  [[nodiscard]] static MacAddress broadcast() { return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }
  // A random, locally administered unicast address (eth_random_addr).
  [[nodiscard]] static MacAddress random();
  // "02:00:00:00:00:a0", hexadecimal digits of either case.
  [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text);
  // The six bytes at `at`, which need no alignment.
  [[nodiscard]] static MacAddress at(const std::uint8_t* at) {
    MacAddress mac;
    std::memcpy(mac.bytes.data(), at, kSize);
    return mac;
  }

  [[nodiscard]] bool is_zero() const { return *this == MacAddress{}; }
  [[nodiscard]] bool is_group() const { return (bytes[0] & 1U) != 0; }
  // An address that an interface may have (is_valid_ether_addr): neither a group's nor zero.
  [[nodiscard]] bool is_valid_unicast() const { return !is_group() && !is_zero(); }
  [[nodiscard]] std::string text() const;

  // As one number, so that it can be published atomically; the two are inverse.
  [[nodiscard]] std::uint64_t packed() const {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), kSize);
    return value;
  }
  [[nodiscard]] static MacAddress from_packed(std::uint64_t value) {
    MacAddress mac;
    std::memcpy(mac.bytes.data(), &value, kSize);
    return mac;
  }

  friend bool operator==(const MacAddress&, const MacAddress&) = default;
};

}  // namespace netkit::device
