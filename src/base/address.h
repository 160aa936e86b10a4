// Addresses as values: IP (either family), prefixes and Ethernet addresses, to and from text.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace netkit {

enum class IpFamily : std::uint8_t { kV4 = 4, kV6 = 6 };

// An IPv4 or IPv6 address, bytes in network order; an IPv4 address uses the first four.
struct IpAddress {
  IpFamily family = IpFamily::kV4;
  std::array<std::uint8_t, 16> storage{};

  [[nodiscard]] static IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {IpFamily::kV4, {a, b, c, d}};
  }
  // From the bytes as they stand in a header: 4 make an IPv4, 16 an IPv6 address.
  [[nodiscard]] static IpAddress from_bytes(std::span<const std::uint8_t> bytes) {
    IpAddress address{bytes.size() == 4 ? IpFamily::kV4 : IpFamily::kV6, {}};
    std::copy_n(bytes.begin(), std::min<std::size_t>(bytes.size(), 16), address.storage.begin());
    return address;
  }

  [[nodiscard]] bool is_v4() const { return family == IpFamily::kV4; }
  [[nodiscard]] bool is_v6() const { return family == IpFamily::kV6; }
  [[nodiscard]] unsigned bits() const { return is_v4() ? 32 : 128; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {storage.data(), bits() / 8}; }

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// An address with the length of its network part. The host bits are kept: "10.0.1.2/24" names both the
// address and its network, as in `ip address add`.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  [[nodiscard]] bool contains(const IpAddress& other) const;
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  [[nodiscard]] bool is_zero() const { return bytes == std::array<std::uint8_t, 6>{}; }
  // Group bit: multicast and broadcast.
  [[nodiscard]] bool is_group() const { return (bytes[0] & 1) != 0; }
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

// The forms of inet_pton ("10.0.1.2", "fd00::2"); nothing when the text is no address.
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
// "10.0.1.0/24"; an address alone is a prefix of full length, as in iproute2.
[[nodiscard]] std::optional<IpPrefix> parse_prefix(std::string_view text);
// "02:00:00:00:00:01".
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

[[nodiscard]] std::string to_string(const IpAddress& address);
[[nodiscard]] std::string to_string(const IpPrefix& prefix);
[[nodiscard]] std::string to_string(const MacAddress& address);

}  // namespace netkit
