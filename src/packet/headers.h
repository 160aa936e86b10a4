// Protocol headers as plain values in wire layout: reading one checks the bounds and what the header says of
// its own length, writing one is the exact inverse. Fields are named as in the kernel's header structs or the
// RFC.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "base/address.h"
#include "base/endian.h"

namespace netkit {

template <class H>
concept WireHeader = std::is_trivially_copyable_v<H> && sizeof(H) == H::kSize;

// The header at the start of `bytes`; nothing when it is cut off or contradicts itself (H::plausible).
template <WireHeader H>
[[nodiscard]] std::optional<H> read_header(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < H::kSize) return std::nullopt;
  const H header = load_unaligned<H>(bytes.data());
  if constexpr (requires { header.plausible(bytes.size()); }) {
    if (!header.plausible(bytes.size())) return std::nullopt;
  }
  return header;
}

// Writes H::kSize bytes at `to`.
template <WireHeader H>
void write_header(std::uint8_t* to, const H& header) {
  store_unaligned(to, header);
}

// ---- link layer ----

// EtherTypes (linux/if_ether.h). The last two are the kernel's own, for frames with a length in place of a
// type.
inline constexpr Be16 kProtoIpv4{0x0800};
inline constexpr Be16 kProtoArp{0x0806};
inline constexpr Be16 kProtoVlan{0x8100};
inline constexpr Be16 kProtoIpv6{0x86dd};
inline constexpr Be16 kProtoQinq{0x88a8};
inline constexpr Be16 kProto8023{0x0001};
inline constexpr Be16 kProto8022{0x0004};
inline constexpr std::uint16_t kLeastEtherType = 0x0600;

inline constexpr MacAddress kBroadcastMac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

[[nodiscard]] constexpr bool is_vlan(Be16 proto) {
  return proto == kProtoVlan || proto == kProtoQinq;
}

struct EthernetHeader {
  static constexpr std::uint32_t kSize = 14;
  MacAddress destination{};
  MacAddress source{};
  Be16 proto{};
};

// What follows the EtherType 0x8100 or 0x88a8.
struct VlanHeader {
  static constexpr std::uint32_t kSize = 4;
  Be16 tci{};
  Be16 proto{};
};

inline constexpr Be16 kArpRequest{1};
inline constexpr Be16 kArpReply{2};

// ARP for IPv4 on Ethernet.
struct ArpHeader {
  static constexpr std::uint32_t kSize = 28;
  Be16 hardware{1};
  Be16 proto = kProtoIpv4;
  std::uint8_t hardware_len = 6;
  std::uint8_t proto_len = 4;
  Be16 operation = kArpRequest;
  MacAddress sender_mac{};
  std::array<std::uint8_t, 4> sender_ip{};
  MacAddress target_mac{};
  std::array<std::uint8_t, 4> target_ip{};

  [[nodiscard]] bool plausible(std::size_t) const {
    return hardware.host() == 1 && proto == kProtoIpv4 && hardware_len == 6 && proto_len == 4;
  }
};

// ---- network layer ----

// Protocol and next-header numbers (IANA).
enum IpProtocol : std::uint8_t {
  kIpHopByHop = 0,
  kIpIcmp = 1,
  kIpIpip = 4,
  kIpTcp = 6,
  kIpUdp = 17,
  kIpIpv6 = 41,
  kIpRouting = 43,
  kIpFragment = 44,
  kIpGre = 47,
  kIpEsp = 50,
  kIpAh = 51,
  kIpIcmpv6 = 58,
  kIpNoNext = 59,
  kIpDestination = 60,
  kIpSctp = 132,
};

struct Ipv4Header {
  static constexpr std::uint32_t kSize = 20;
  static constexpr std::uint16_t kDontFragment = 0x4000;
  static constexpr std::uint16_t kMoreFragments = 0x2000;

  std::uint8_t version_ihl = 0x45;
  std::uint8_t tos = 0;
  Be16 total_length{};  // 0: more than 65535, the true length is that of the packet (BIG TCP)
  Be16 id{};
  Be16 flags_offset{};
  std::uint8_t ttl = 64;
  std::uint8_t protocol = 0;
  Be16 checksum{};
  Be32 source{};
  Be32 destination{};

  [[nodiscard]] std::uint32_t length() const { return (version_ihl & 0xfU) * 4; }
  [[nodiscard]] std::uint32_t fragment_offset() const { return (flags_offset.host() & 0x1fffU) * 8; }
  [[nodiscard]] bool more_fragments() const { return (flags_offset.host() & kMoreFragments) != 0; }
  [[nodiscard]] bool dont_fragment() const { return (flags_offset.host() & kDontFragment) != 0; }
  [[nodiscard]] bool is_fragment() const { return more_fragments() || fragment_offset() != 0; }
  [[nodiscard]] bool plausible(std::size_t available) const {
    return version_ihl >> 4U == 4 && length() >= kSize && length() <= available;
  }
};

using Ipv6Bytes = std::array<std::uint8_t, 16>;

struct Ipv6Header {
  static constexpr std::uint32_t kSize = 40;

  Be32 version_class_label{0x6000'0000};
  Be16 payload_length{};  // 0 with a payload: more than 65535 (BIG TCP, RFC 2675)
  std::uint8_t next_header = 0;
  std::uint8_t hop_limit = 64;
  Ipv6Bytes source{};
  Ipv6Bytes destination{};

  [[nodiscard]] std::uint8_t traffic_class() const {
    return static_cast<std::uint8_t>(version_class_label.host() >> 20U);
  }
  [[nodiscard]] bool plausible(std::size_t) const { return version_class_label.host() >> 28U == 6; }
};

// The fragment extension header (RFC 8200, 4.5).
struct Ipv6FragmentHeader {
  static constexpr std::uint32_t kSize = 8;
  std::uint8_t next_header = 0;
  std::uint8_t reserved = 0;
  Be16 offset_more{};
  Be32 id{};

  [[nodiscard]] std::uint32_t fragment_offset() const { return offset_more.host() & 0xfff8U; }
  [[nodiscard]] bool more_fragments() const { return (offset_more.host() & 1U) != 0; }
};

// ---- transport layer ----

struct TcpHeader {
  static constexpr std::uint32_t kSize = 20;
  static constexpr std::uint16_t kChecksumOffset = 16;
  enum Flag : std::uint8_t {
    kFin = 0x01,
    kSyn = 0x02,
    kRst = 0x04,
    kPsh = 0x08,
    kAck = 0x10,
    kUrg = 0x20,
    kEce = 0x40,
    kCwr = 0x80
  };

  Be16 source{};
  Be16 destination{};
  Be32 seq{};
  Be32 ack_seq{};
  std::uint8_t offset_reserved = 0x50;
  std::uint8_t flags = kAck;
  Be16 window{0xffff};
  Be16 checksum{};
  Be16 urgent{};

  [[nodiscard]] std::uint32_t length() const { return (offset_reserved >> 4U) * 4U; }
  [[nodiscard]] bool plausible(std::size_t available) const {
    return length() >= kSize && length() <= available;
  }
};

struct UdpHeader {
  static constexpr std::uint32_t kSize = 8;
  static constexpr std::uint16_t kChecksumOffset = 6;

  Be16 source{};
  Be16 destination{};
  Be16 length{};
  Be16 checksum{};  // 0: none
};

inline constexpr std::uint8_t kIcmpEchoReply = 0;
inline constexpr std::uint8_t kIcmpEchoRequest = 8;
inline constexpr std::uint8_t kIcmpv6EchoRequest = 128;
inline constexpr std::uint8_t kIcmpv6EchoReply = 129;
inline constexpr std::uint8_t kIcmpv6NeighborSolicitation = 135;
inline constexpr std::uint8_t kIcmpv6NeighborAdvertisement = 136;

// ICMP and ICMPv6; the meaning of `rest` depends on the type (for echo: identifier, sequence number).
struct IcmpHeader {
  static constexpr std::uint32_t kSize = 8;
  static constexpr std::uint16_t kChecksumOffset = 2;

  std::uint8_t type = kIcmpEchoRequest;
  std::uint8_t code = 0;
  Be16 checksum{};
  std::array<Be16, 2> rest{};
};

// Where the checksum of a transport header stands in it, for the protocols above.
[[nodiscard]] constexpr std::uint16_t checksum_offset(std::uint8_t protocol) {
  switch (protocol) {
    case kIpTcp:
      return TcpHeader::kChecksumOffset;
    case kIpUdp:
      return UdpHeader::kChecksumOffset;
    default:
      return IcmpHeader::kChecksumOffset;
  }
}

}  // namespace netkit
