// Builds packets layer by layer, for tests and for responders:
//
//   PacketBuilder().ethernet(a, b).vlan(7).ip("10.0.0.1", "10.0.0.2").udp(1000,
//   53).payload("hello").build(pool)
//
// Lengths, protocol numbers and checksums that a header leaves zero are filled in; those that it sets stay as
// they are, so that a deliberately wrong packet is as easy as a right one. Allocates: not for the transmit
// path.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "packet/headers.h"
#include "packet/packet.h"
#include "packet/pool.h"

namespace netkit {

class PacketBuilder {
 public:
  using Bytes = std::span<const std::uint8_t>;

  // ---- link layer ----
  PacketBuilder& ethernet(const MacAddress& source, const MacAddress& destination, Be16 proto = {});
  // A tag in the bytes; `proto` is its own EtherType.
  PacketBuilder& vlan(std::uint16_t tci, Be16 proto = kProtoVlan);
  // A tag beside the bytes.
  PacketBuilder& vlan_tag(std::uint16_t tci, Be16 proto = kProtoVlan);
  PacketBuilder& arp(const ArpHeader& header);

  // ---- network layer ----
  PacketBuilder& ipv4(const Ipv4Header& header, Bytes options = {});
  PacketBuilder& ipv6(const Ipv6Header& header);
  // A plain header of the addresses' family.
  PacketBuilder& ip(const IpAddress& source, const IpAddress& destination);
  // Texts that parse_ip takes; std::bad_optional_access for any other.
  PacketBuilder& ip(std::string_view source, std::string_view destination);
  // An IPv6 extension header of type `protocol`: `body` is what follows its two bytes and is padded with
  // zeros (Pad1 options) to the header's unit. AH as well.
  PacketBuilder& extension(std::uint8_t protocol, Bytes body = {});
  PacketBuilder& fragment(const Ipv6FragmentHeader& header);

  // ---- transport layer ----
  PacketBuilder& tcp(const TcpHeader& header, Bytes options = {});
  PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& udp(const UdpHeader& header);
  PacketBuilder& udp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& icmp(const IcmpHeader& header);
  PacketBuilder& icmpv6(const IcmpHeader& header);

  // What happens to the checksum of the transport header that was added last; computed if nothing is said.
  PacketBuilder& partial_checksum();  // left to be computed, the packet says so
  PacketBuilder& wrong_checksum();
  PacketBuilder& no_checksum();  // zero

  // ---- the rest ----
  PacketBuilder& payload(Bytes bytes);
  PacketBuilder& payload(std::string_view text);
  // `count` bytes that differ from place to place.
  PacketBuilder& pattern(std::uint32_t count);
  // Zeros up to a frame length that no header counts.
  PacketBuilder& pad_to(std::uint32_t length);
  // Makes it a super-packet of segments of `size` payload bytes, by its transport protocol; with partial
  // checksum.
  PacketBuilder& gso(std::uint16_t size);

  // The finished bytes.
  [[nodiscard]] std::vector<std::uint8_t> bytes() const;
  // The finished packet with all metadata that follows from what was said; null: the pool has none.
  [[nodiscard]] PacketPtr build(PacketPool& pool, std::uint32_t headroom = kMinHeadroom) const;

 private:
  enum class Kind : std::uint8_t {
    kEthernet,
    kVlan,
    kArp,
    kIpv4,
    kIpv6,
    kExtension,
    kTcp,
    kUdp,
    kIcmp,
    kIcmpv6
  };
  enum class ChecksumMode : std::uint8_t { kComputed, kPartial, kWrong, kNone };
  struct Layer {
    Kind kind;
    std::uint32_t offset;
    Be16 ether_type;        // what a link layer header in front says of it
    std::uint8_t protocol;  // what a network layer header in front says of it
    ChecksumMode checksum = ChecksumMode::kComputed;
  };

  template <WireHeader H>
  PacketBuilder& add(Layer layer, const H& header);
  void append(Bytes bytes);
  [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(bytes_.size()); }
  [[nodiscard]] std::uint32_t end() const { return padding_from_ != 0 ? padding_from_ : here(); }
  [[nodiscard]] const Layer* find_from(std::size_t first, bool (*wanted)(Kind)) const;
  [[nodiscard]] static bool is_ip(Kind kind) { return kind == Kind::kIpv4 || kind == Kind::kIpv6; }
  [[nodiscard]] static bool is_transport(Kind kind) { return kind >= Kind::kTcp; }
  void finish_layer(std::vector<std::uint8_t>& bytes, std::size_t index) const;
  void finish_transport(std::vector<std::uint8_t>& bytes, std::size_t index) const;

  std::vector<std::uint8_t> bytes_;
  std::vector<Layer> layers_;
  VlanTag vlan_tag_;
  std::uint16_t gso_size_ = 0;
  std::uint32_t padding_from_ = 0;
};

}  // namespace netkit
