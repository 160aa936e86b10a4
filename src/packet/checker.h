// Checks that compose into one sentence about a packet, from the outside to the inside:
//
//   using namespace netkit::check;
//   EXPECT_EQ(differences(*packet, ethernet(to(mac)), ipv4(from("10.0.0.1"), ttl(63)), udp(to_port(53)),
//                         payload("hello")), "");
//
// Each header check reads its header where the one before it has ended, and complains in words of the first
// thing that differs. Header checks take field checks for their header; anything callable with the header
// (or, for checks of the whole packet, with the Packet) that returns a text, empty for "as expected", is one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/address.h"
#include "packet/headers.h"
#include "packet/packet.h"

namespace netkit::check {

// The packet and how much of it the checks so far have read.
struct Cursor {
  const Packet& packet;
  std::uint32_t offset = 0;

  [[nodiscard]] std::span<const std::uint8_t> rest() const { return packet.bytes().subspan(offset); }
};

// ---- texts ----
[[nodiscard]] std::string to_text(std::uint64_t number);
[[nodiscard]] inline std::string to_text(Be16 number) {
  return to_text(number.host());
}
[[nodiscard]] inline std::string to_text(Be32 number) {
  return to_text(number.host());
}
[[nodiscard]] inline std::string to_text(const MacAddress& mac) {
  return netkit::to_string(mac);
}
[[nodiscard]] inline std::string to_text(const IpAddress& ip) {
  return netkit::to_string(ip);
}
[[nodiscard]] std::string differ(std::string_view what, const std::string& seen, const std::string& expected);

template <class T>
[[nodiscard]] std::string same(std::string_view what, const T& seen, const T& expected) {
  return seen == expected ? std::string{} : differ(what, to_text(seen), to_text(expected));
}

// ---- field checks ----

// Any field of any header or of the metadata: is("window", &TcpHeader::window, Be16{512}).
template <class H, class Field>
[[nodiscard]] auto is(std::string name, Field H::* field, Field expected) {
  return [name = std::move(name), field, expected](const H& header) {
    if constexpr (std::is_enum_v<Field>) {
      return same(name, static_cast<std::uint64_t>(header.*field), static_cast<std::uint64_t>(expected));
    } else if constexpr (std::is_integral_v<Field>) {
      return same<std::uint64_t>(name, header.*field, expected);
    } else {
      return same(name, header.*field, expected);
    }
  };
}

[[nodiscard]] inline auto from(const MacAddress& mac) {
  return is("source", &EthernetHeader::source, mac);
}
[[nodiscard]] inline auto to(const MacAddress& mac) {
  return is("destination", &EthernetHeader::destination, mac);
}
[[nodiscard]] inline auto ether_type(Be16 proto) {
  return is("EtherType", &EthernetHeader::proto, proto);
}

// An address of an IP header of either family.
struct AddressCheck {
  bool source;
  IpAddress expected;
  [[nodiscard]] std::string operator()(const Ipv4Header& header) const;
  [[nodiscard]] std::string operator()(const Ipv6Header& header) const;
};
// The text is one that parse_ip takes.
[[nodiscard]] AddressCheck from(std::string_view address);
[[nodiscard]] AddressCheck to(std::string_view address);
[[nodiscard]] inline auto ttl(std::uint8_t expected) {
  return is("ttl", &Ipv4Header::ttl, expected);
}
[[nodiscard]] inline auto ip_id(std::uint16_t expected) {
  return is("id", &Ipv4Header::id, Be16{expected});
}
[[nodiscard]] inline auto hop_limit(std::uint8_t expected) {
  return is("hop limit", &Ipv6Header::hop_limit, expected);
}

// Ports of TCP and UDP.
[[nodiscard]] inline auto from_port(std::uint16_t expected) {
  return [=](const auto& header) { return same("source port", header.source, Be16{expected}); };
}
[[nodiscard]] inline auto to_port(std::uint16_t expected) {
  return [=](const auto& header) { return same("destination port", header.destination, Be16{expected}); };
}
[[nodiscard]] inline auto seq(std::uint32_t expected) {
  return is("seq", &TcpHeader::seq, Be32{expected});
}
[[nodiscard]] inline auto ack_seq(std::uint32_t expected) {
  return is("ack", &TcpHeader::ack_seq, Be32{expected});
}
[[nodiscard]] inline auto flags(int expected) {
  return is("flags", &TcpHeader::flags, static_cast<std::uint8_t>(expected));
}
[[nodiscard]] inline auto type(std::uint8_t expected) {
  return is("type", &IcmpHeader::type, expected);
}

// ---- header checks ----

// Reads an H, applies `fields` and moves on by what `length` says of it.
template <WireHeader H, class Length, class... Fields>
[[nodiscard]] auto header(std::string name, Length length, Fields... fields) {
  return [name = std::move(name), length, fields...](Cursor& cursor) -> std::string {
    const auto found = read_header<H>(cursor.rest());
    if (!found) return "no whole " + name + " header at byte " + to_text(cursor.offset);
    std::string text;
    // The first complaint ends the row.
    static_cast<void>(((text = fields(*found), text.empty()) && ...));
    if (!text.empty()) return name + " " + text;
    text = length(*found, cursor);
    return text.empty() ? text : name + " " + text;
  };
}

namespace detail {
// Each moves the cursor behind the header, and complains of a length or checksum that the packet gives the
// lie to.
std::string pass_fixed(Cursor& cursor, std::uint32_t length);
std::string pass_ipv4(const Ipv4Header& header, Cursor& cursor);
std::string pass_ipv6(const Ipv6Header& header, Cursor& cursor);
std::string pass_udp(const UdpHeader& header, Cursor& cursor);
template <WireHeader H>
std::string pass_plain(const H&, Cursor& cursor) {
  return pass_fixed(cursor, H::kSize);
}
inline std::string pass_tcp(const TcpHeader& header, Cursor& cursor) {
  return pass_fixed(cursor, header.length());
}
}  // namespace detail

template <class... Fields>
[[nodiscard]] auto ethernet(Fields... fields) {
  return header<EthernetHeader>("ethernet", detail::pass_plain<EthernetHeader>, fields...);
}
template <class... Fields>
[[nodiscard]] auto vlan(std::uint16_t tci, Fields... fields) {
  return header<VlanHeader>("vlan", detail::pass_plain<VlanHeader>, is("tci", &VlanHeader::tci, Be16{tci}),
                            fields...);
}
template <class... Fields>
[[nodiscard]] auto arp(Fields... fields) {
  return header<ArpHeader>("arp", detail::pass_plain<ArpHeader>, fields...);
}
// The header checksum and the total length must be right as well.
template <class... Fields>
[[nodiscard]] auto ipv4(Fields... fields) {
  return header<Ipv4Header>("ipv4", detail::pass_ipv4, fields...);
}
// The payload length must be right; goes on behind the extension headers.
template <class... Fields>
[[nodiscard]] auto ipv6(Fields... fields) {
  return header<Ipv6Header>("ipv6", detail::pass_ipv6, fields...);
}
template <class... Fields>
[[nodiscard]] auto tcp(Fields... fields) {
  return header<TcpHeader>("tcp", detail::pass_tcp, fields...);
}
// The length must be right.
template <class... Fields>
[[nodiscard]] auto udp(Fields... fields) {
  return header<UdpHeader>("udp", detail::pass_udp, fields...);
}
template <class... Fields>
[[nodiscard]] auto icmp(Fields... fields) {
  return header<IcmpHeader>("icmp", detail::pass_plain<IcmpHeader>, fields...);
}

// All that follows.
struct PayloadCheck {
  std::vector<std::uint8_t> expected;
  [[nodiscard]] std::string operator()(Cursor& cursor) const;
};
[[nodiscard]] inline PayloadCheck payload(std::string_view text) {
  return {{text.begin(), text.end()}};
}
[[nodiscard]] inline PayloadCheck payload(std::span<const std::uint8_t> bytes) {
  return {{bytes.begin(), bytes.end()}};
}

// ---- checks of the whole packet, at any place of the sentence ----

[[nodiscard]] std::string correct_checksum(Cursor& cursor);  // the transport checksum, by the bytes
[[nodiscard]] std::string partial_checksum(Cursor& cursor);  // left to be computed, and right once it is
[[nodiscard]] inline auto length(std::uint32_t expected) {
  return [=](Cursor& cursor) { return same("length", cursor.packet.len(), expected); };
}
// Metadata: meta("mark", &PacketMeta::mark, 7U).
template <class Field>
[[nodiscard]] auto meta(std::string name, Field PacketMeta::* field, Field expected) {
  return [check = is(name, field, expected)](Cursor& cursor) { return check(cursor.packet.meta); };
}
[[nodiscard]] inline auto gso(std::uint32_t type, std::uint16_t size, std::uint16_t segs) {
  return [=](Cursor& cursor) {
    const Gso& gso = cursor.packet.meta.gso;
    std::string text = same<std::uint64_t>("gso type", gso.type, type);
    if (text.empty()) text = same<std::uint64_t>("gso size", gso.size, size);
    if (text.empty()) text = same<std::uint64_t>("gso segs", gso.segs, segs);
    return text;
  };
}

// The first complaint, or an empty text.
template <class... Checks>
[[nodiscard]] std::string differences(const Packet& packet, const Checks&... checks) {
  Cursor cursor{packet};
  std::string text;
  static_cast<void>(((text = checks(cursor), text.empty()) && ...));
  return text;
}

}  // namespace netkit::check
