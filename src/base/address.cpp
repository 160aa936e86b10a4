#include "base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace netkit {

bool IpPrefix::contains(const IpAddress& other) const {
  if (other.family != address.family) return false;
  const unsigned whole = length / 8U;
  if (!std::equal(address.storage.begin(), address.storage.begin() + whole, other.storage.begin()))
    return false;
  const unsigned rest = length % 8U;
  if (rest == 0) return true;
  const unsigned mask = 0xff00U >> rest;
  return ((address.storage[whole] ^ other.storage[whole]) & mask & 0xffU) == 0;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  const std::string terminated(text);
  if (terminated.size() != std::char_traits<char>::length(terminated.c_str())) return std::nullopt;
  IpAddress address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.storage.data()) == 1) return address;
  address.family = IpFamily::kV6;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.storage.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpPrefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return std::nullopt;
  unsigned length = address->bits();
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > address->bits())
      return std::nullopt;
  }
  return IpPrefix{*address, static_cast<std::uint8_t>(length)};
}

std::optional<MacAddress> parse_mac(std::string_view text) {
  constexpr std::size_t kTextLength = 17;
  if (text.size() != kTextLength) return std::nullopt;
  MacAddress mac;
  for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
    const char* digits = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
    if (error != std::errc{} || end != digits + 2) return std::nullopt;
    if (i + 1 < mac.bytes.size() && *end != ':') return std::nullopt;
  }
  return mac;
}

std::string to_string(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.storage.data(), text.data(), text.size());
  return text.data();
}

std::string to_string(const IpPrefix& prefix) {
  return to_string(prefix.address) + "/" + std::to_string(prefix.length);
}

std::string to_string(const MacAddress& address) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : address.bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace netkit
