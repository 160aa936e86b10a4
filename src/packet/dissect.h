// Where the headers of a packet lie, found as the kernel finds them: the EtherType of a received frame, tags,
// the IP header, its extensions, the transport header. Everything is bounded by the bytes that are there.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "packet/headers.h"
#include "packet/packet.h"

namespace netkit {

// What the kernel learns from an Ethernet header on receive (eth_type_trans).
struct FrameClass {
  // The EtherType, or kProto8023 (raw 802.3, 0xffff behind the header) or kProto8022 where the field is a
  // length.
  Be16 proto{};
  PacketType type = PacketType::kHost;

  friend bool operator==(const FrameClass&, const FrameClass&) = default;
};
// `frame` begins with an Ethernet header; `own` is the address of the device that got it. Nothing: too short.
[[nodiscard]] std::optional<FrameClass> classify_frame(std::span<const std::uint8_t> frame,
                                                       const MacAddress& own);

// The protocol behind the VLAN tags that stand in the bytes, and where it begins
// (vlan_get_protocol_and_depth).
struct NetworkStart {
  Be16 proto{};
  std::uint32_t offset = 0;
};
// `offset` is where the header of protocol `proto` begins. Nothing: a tag is cut off.
[[nodiscard]] std::optional<NetworkStart> skip_vlan_tags(std::span<const std::uint8_t> bytes, Be16 proto,
                                                         std::uint32_t offset);

// Behind the extension headers of an IPv6 packet (hop-by-hop, routing, destination, fragment, AH).
struct Ipv6Upper {
  std::uint8_t protocol = kIpNoNext;
  std::uint32_t offset = 0;  // from the IPv6 header
  std::optional<std::uint32_t>
      fragment;  // where the fragment header is; the walk ends behind a later fragment's
};
// `packet` begins with an IPv6 header. Nothing: a header is cut off.
[[nodiscard]] std::optional<Ipv6Upper> walk_ipv6_extensions(std::span<const std::uint8_t> packet);

// The headers of an IP packet; offsets count from data.
struct Layout {
  IpFamily family = IpFamily::kV4;
  std::uint8_t protocol = 0;    // of the transport header
  bool fragment = false;        // a part of a datagram: more follow, or an offset
  bool later_fragment = false;  // one without a transport header
  std::uint32_t network = 0;
  std::uint32_t transport = 0;  // where the IP payload begins

  // Bytes in front of the payload, when the transport header is TCP or UDP and whole; else nothing.
  [[nodiscard]] std::optional<std::uint32_t> headers(std::span<const std::uint8_t> bytes) const;
};
// Nothing for what is not IP or too short for it.
[[nodiscard]] std::optional<Layout> dissect(std::span<const std::uint8_t> bytes, Be16 proto,
                                            std::uint32_t network);
// By protocol and network header position of the packet; where those are not set, data is an Ethernet header.
[[nodiscard]] std::optional<Layout> dissect(const Packet& packet);

// For a frame that came from a port, data at its Ethernet header: sets MAC, network and transport header,
// MAC length, protocol and packet type as the kernel's TAP and packet sockets do on input (eth_type_trans,
// network header behind the tags, skb_probe_transport_header). False: shorter than an Ethernet header.
[[nodiscard]] bool parse_headers(Packet& packet, const MacAddress& own);

}  // namespace netkit
