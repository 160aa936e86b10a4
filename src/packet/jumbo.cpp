#include "packet/jumbo.h"

#include <array>

namespace netkit {
namespace {

constexpr std::uint8_t kJumboType = 0xc2;
constexpr std::uint8_t kJumboLength = 4;
constexpr std::uint32_t kLongestPlain = 65536;  // with the IPv6 header (GRO_LEGACY_MAX_SIZE)

}  // namespace

std::optional<std::uint32_t> find_jumbo_option(std::span<const std::uint8_t> bytes, const Layout& layout) {
  if (layout.family != IpFamily::kV6) return std::nullopt;
  const auto ip = read_header<Ipv6Header>(bytes.subspan(layout.network));
  const std::uint32_t at = layout.network + Ipv6Header::kSize;
  if (!ip || ip->next_header != kIpHopByHop || bytes.size() <= layout.network + kLongestPlain)
    return std::nullopt;
  const auto option = bytes.subspan(at, kJumboOption);
  const bool jumbo =
      option[0] == kIpTcp && option[1] == 0 && option[2] == kJumboType && option[3] == kJumboLength;
  return jumbo ? std::optional(at) : std::nullopt;
}

bool insert_jumbo_option(Packet& packet, const Layout& layout) {
  if (!packet.reserve(kJumboOption, 0)) return false;
  const std::uint32_t moved = layout.network + Ipv6Header::kSize;
  packet.push(kJumboOption);
  std::memmove(packet.data(), packet.data() + kJumboOption, moved);
  for (std::uint32_t* position : {&packet.meta.mac_header, &packet.meta.network_header}) {
    if (*position != kUnset) *position -= kJumboOption;
  }

  auto ip = load_unaligned<Ipv6Header>(packet.data() + layout.network);
  const std::uint32_t payload = packet.len() - moved;
  std::array<std::uint8_t, kJumboOption> option = {ip.next_header, 0, kJumboType, kJumboLength};
  store_unaligned(option.data() + 4, Be32{payload});
  std::memcpy(packet.data() + moved, option.data(), option.size());
  ip.next_header = kIpHopByHop;
  ip.payload_length = {};
  write_header(packet.data() + layout.network, ip);
  return true;
}

}  // namespace netkit
