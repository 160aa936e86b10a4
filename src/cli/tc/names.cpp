#include "cli/tc/names.h"

#include <fmt/format.h>

#include <charconv>

#include "control/tc_message.h"

namespace netkit::cli::tc {
namespace {

// linux/if_ether.h, in iproute2's words (lib/ll_proto.c). Of several names the first is the one that is
// written.
struct ProtocolName {
  std::uint16_t number;
  std::string_view name;
};
constexpr ProtocolName kProtocols[] = {
    {0x0003, "all"},      {0x0800, "ip"},      {0x0800, "ipv4"},    {0x86dd, "ipv6"},    {0x0806, "arp"},
    {0x8100, "802.1Q"},   {0x88a8, "802.1ad"}, {0x8847, "mpls_uc"}, {0x8848, "mpls_mc"}, {0x8035, "rarp"},
    {0x8863, "ppp_disc"}, {0x8864, "ppp_ses"}, {0x0060, "loop"},    {0x0001, "802_3"},   {0x0004, "802_2"},
    {0x0805, "x25"},      {0x8137, "ipx"},     {0x809b, "atalk"},   {0x88a2, "aoe"},     {0x88ca, "tipc"},
};

std::optional<std::uint32_t> parse_digits(std::string_view digits, int base) {
  std::uint32_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// One half of a handle; nothing stands for 0.
std::optional<std::uint32_t> parse_half(std::string_view digits) {
  if (digits.empty()) return 0;
  const auto value = parse_digits(digits, 16);
  return value && *value <= 0xffff ? value : std::nullopt;
}

}  // namespace

std::string protocol_name(Be16 protocol) {
  for (const ProtocolName& known : kProtocols) {
    if (known.number == protocol.host()) return std::string(known.name);
  }
  return fmt::format("[{}]", protocol.host());
}

std::optional<Be16> parse_protocol(std::string_view word) {
  for (const ProtocolName& known : kProtocols) {
    if (known.name == word) return Be16(known.number);
  }
  const auto number = parse_number(word);
  if (!number || *number > 0xffff) return std::nullopt;
  return Be16(static_cast<std::uint16_t>(*number));
}

std::string handle_name(std::uint32_t handle) {
  if (handle == control::kRootParent) return "root";
  if (handle == 0) return "none";
  const std::uint32_t major = handle >> 16U;
  const std::uint32_t minor = control::minor_of(handle);
  if (major == 0) return fmt::format(":{:x}", minor);
  return minor == 0 ? fmt::format("{:x}:", major) : fmt::format("{:x}:{:x}", major, minor);
}

std::optional<std::uint32_t> parse_handle(std::string_view word) {
  if (word == "root") return control::kRootParent;
  if (word == "none") return 0;
  const std::size_t colon = word.find(':');
  if (colon == std::string_view::npos) return parse_digits(word, 16);
  const auto major = parse_half(word.substr(0, colon));
  const auto minor = parse_half(word.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return *major << 16U | *minor;
}

std::optional<std::uint32_t> parse_number(std::string_view word) {
  if (word.starts_with("0x") || word.starts_with("0X")) return parse_digits(word.substr(2), 16);
  return parse_digits(word, 10);
}

}  // namespace netkit::cli::tc
