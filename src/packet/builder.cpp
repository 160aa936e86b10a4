#include "packet/builder.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "packet/checksum.h"
#include "packet/segment.h"

namespace netkit {
namespace {

// A 16-bit length field; 0 stands for what does not fit (BIG TCP).
Be16 length_field(std::uint32_t length) {
  return Be16{static_cast<std::uint16_t>(length > 0xffff ? 0 : length)};
}

// Changes the header of type H at `at`.
template <WireHeader H, class Change>
void edit(std::uint8_t* at, Change change) {
  auto header = load_unaligned<H>(at);
  change(header);
  write_header(at, header);
}

}  // namespace

template <WireHeader H>
PacketBuilder& PacketBuilder::add(Layer layer, const H& header) {
  layer.offset = here();
  layers_.push_back(layer);
  bytes_.resize(here() + H::kSize);
  write_header(bytes_.data() + layer.offset, header);
  return *this;
}

void PacketBuilder::append(Bytes bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

PacketBuilder& PacketBuilder::ethernet(const MacAddress& source, const MacAddress& destination, Be16 proto) {
  return add({Kind::kEthernet, 0, {}, 0},
             EthernetHeader{.destination = destination, .source = source, .proto = proto});
}

PacketBuilder& PacketBuilder::vlan(std::uint16_t tci, Be16 proto) {
  return add({Kind::kVlan, 0, proto, 0}, VlanHeader{.tci = Be16{tci}, .proto = {}});
}

PacketBuilder& PacketBuilder::vlan_tag(std::uint16_t tci, Be16 proto) {
  vlan_tag_ = {.present = true, .proto = proto, .tci = tci};
  return *this;
}

PacketBuilder& PacketBuilder::arp(const ArpHeader& header) {
  return add({Kind::kArp, 0, kProtoArp, 0}, header);
}

PacketBuilder& PacketBuilder::ipv4(const Ipv4Header& header, Bytes options) {
  Ipv4Header with_options = header;
  const auto words = static_cast<std::uint32_t>((options.size() + 3) / 4);
  with_options.version_ihl = static_cast<std::uint8_t>(header.version_ihl + words);
  add({Kind::kIpv4, 0, kProtoIpv4, kIpIpip}, with_options);
  append(options);
  bytes_.resize(layers_.back().offset + Ipv4Header::kSize + words * 4);
  return *this;
}

PacketBuilder& PacketBuilder::ipv6(const Ipv6Header& header) {
  return add({Kind::kIpv6, 0, kProtoIpv6, kIpIpv6}, header);
}

PacketBuilder& PacketBuilder::ip(const IpAddress& source, const IpAddress& destination) {
  if (source.is_v4()) {
    return ipv4({.source = load_unaligned<Be32>(source.storage.data()),
                 .destination = load_unaligned<Be32>(destination.storage.data())});
  }
  return ipv6({.source = source.storage, .destination = destination.storage});
}

PacketBuilder& PacketBuilder::ip(std::string_view source, std::string_view destination) {
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): value() throws
  return ip(parse_ip(source).value(), parse_ip(destination).value());
}

PacketBuilder& PacketBuilder::extension(std::uint8_t protocol, Bytes body) {
  const std::uint32_t unit = protocol == kIpAh ? 4 : 8;
  const std::uint32_t first = protocol == kIpAh ? 2 : 1;  // units that the length field does not count
  const auto units = std::max(first, static_cast<std::uint32_t>((2 + body.size() + unit - 1) / unit));
  layers_.push_back({Kind::kExtension, here(), {}, protocol});
  bytes_.push_back(0);
  bytes_.push_back(static_cast<std::uint8_t>(units - first));
  append(body);
  bytes_.resize(layers_.back().offset + units * unit);
  return *this;
}

PacketBuilder& PacketBuilder::fragment(const Ipv6FragmentHeader& header) {
  return add({Kind::kExtension, 0, {}, kIpFragment}, header);
}

PacketBuilder& PacketBuilder::tcp(const TcpHeader& header, Bytes options) {
  TcpHeader with_options = header;
  const auto words = static_cast<std::uint32_t>((options.size() + 3) / 4);
  with_options.offset_reserved = static_cast<std::uint8_t>(header.offset_reserved + (words << 4U));
  add({Kind::kTcp, 0, {}, kIpTcp}, with_options);
  append(options);
  bytes_.resize(layers_.back().offset + TcpHeader::kSize + words * 4);
  return *this;
}

PacketBuilder& PacketBuilder::tcp(std::uint16_t source, std::uint16_t destination) {
  return tcp(TcpHeader{.source = Be16{source}, .destination = Be16{destination}});
}

PacketBuilder& PacketBuilder::udp(const UdpHeader& header) {
  return add({Kind::kUdp, 0, {}, kIpUdp}, header);
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source, std::uint16_t destination) {
  return udp(UdpHeader{.source = Be16{source}, .destination = Be16{destination}});
}

PacketBuilder& PacketBuilder::icmp(const IcmpHeader& header) {
  return add({Kind::kIcmp, 0, {}, kIpIcmp}, header);
}

PacketBuilder& PacketBuilder::icmpv6(const IcmpHeader& header) {
  return add({Kind::kIcmpv6, 0, {}, kIpIcmpv6}, header);
}

PacketBuilder& PacketBuilder::partial_checksum() {
  layers_.back().checksum = ChecksumMode::kPartial;
  return *this;
}

PacketBuilder& PacketBuilder::wrong_checksum() {
  layers_.back().checksum = ChecksumMode::kWrong;
  return *this;
}

PacketBuilder& PacketBuilder::no_checksum() {
  layers_.back().checksum = ChecksumMode::kNone;
  return *this;
}

PacketBuilder& PacketBuilder::payload(Bytes bytes) {
  append(bytes);
  return *this;
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  return *this;
}

PacketBuilder& PacketBuilder::pattern(std::uint32_t count) {
  bytes_.reserve(bytes_.size() + count);
  for (std::uint32_t i = 0; i < count; ++i) bytes_.push_back(static_cast<std::uint8_t>(i * 7 + (i >> 8U)));
  return *this;
}

PacketBuilder& PacketBuilder::pad_to(std::uint32_t length) {
  if (here() >= length) return *this;
  padding_from_ = here();
  bytes_.resize(length);
  return *this;
}

PacketBuilder& PacketBuilder::gso(std::uint16_t size) {
  gso_size_ = size;
  return partial_checksum();
}

const PacketBuilder::Layer* PacketBuilder::find_from(std::size_t first, bool (*wanted)(Kind)) const {
  const auto found = std::ranges::find_if(layers_ | std::views::drop(first), wanted,
                                          [](const Layer& layer) { return layer.kind; });
  return found == layers_.end() ? nullptr : &*found;
}

// Layers are finished from the last to the first, so that a checksum covers what is already final.
void PacketBuilder::finish_layer(std::vector<std::uint8_t>& bytes, std::size_t index) const {
  const Layer& layer = layers_[index];
  const Layer* next = index + 1 < layers_.size() ? &layers_[index + 1] : nullptr;
  const Be16 next_type = next != nullptr ? next->ether_type : Be16{};
  const std::uint8_t next_protocol = next != nullptr ? next->protocol : std::uint8_t{kIpNoNext};
  std::uint8_t* at = bytes.data() + layer.offset;
  const std::uint32_t length = end() - layer.offset;
  switch (layer.kind) {
    case Kind::kEthernet:
      return edit<EthernetHeader>(at, [&](auto& h) { h.proto = h.proto == Be16{} ? next_type : h.proto; });
    case Kind::kVlan:
      return edit<VlanHeader>(at, [&](auto& h) { h.proto = next_type; });
    case Kind::kArp:
      return;
    case Kind::kIpv4:
      edit<Ipv4Header>(at, [&](auto& h) {
        if (h.protocol == 0) h.protocol = next_protocol;
        if (h.total_length == Be16{}) h.total_length = length_field(length);
      });
      return edit<Ipv4Header>(at, [&](auto& h) {
        if (h.checksum == Be16{}) h.checksum = ipv4_header_checksum({at, h.length()});
      });
    case Kind::kIpv6:
      return edit<Ipv6Header>(at, [&](auto& h) {
        if (h.next_header == 0) h.next_header = next_protocol;
        if (h.payload_length == Be16{}) h.payload_length = length_field(length - Ipv6Header::kSize);
      });
    case Kind::kExtension:
      if (*at == 0) *at = next_protocol;
      return;
    case Kind::kUdp:
      edit<UdpHeader>(at, [&](auto& h) { h.length = h.length == Be16{} ? length_field(length) : h.length; });
      return finish_transport(bytes, index);
    case Kind::kTcp:
    case Kind::kIcmp:
    case Kind::kIcmpv6:
      return finish_transport(bytes, index);
  }
}

void PacketBuilder::finish_transport(std::vector<std::uint8_t>& bytes, std::size_t index) const {
  const Layer& layer = layers_[index];
  const std::uint32_t length = end() - layer.offset;
  std::uint8_t* field = bytes.data() + layer.offset + checksum_offset(layer.protocol);
  if (layer.checksum == ChecksumMode::kNone || load_unaligned<Be16>(field) != Be16{}) return;

  PartialSum pseudo = 0;
  const auto in_front = layers_ | std::views::take(index) | std::views::reverse;
  const auto ip = std::ranges::find_if(in_front, is_ip, &Layer::kind);
  if (ip != in_front.end() && layer.kind != Kind::kIcmp) {
    const Layout layout{.family = ip->kind == Kind::kIpv4 ? IpFamily::kV4 : IpFamily::kV6,
                        .protocol = layer.protocol,
                        .network = ip->offset,
                        .transport = layer.offset};
    pseudo = pseudo_header_sum(bytes, layout, length);
  }
  if (layer.checksum == ChecksumMode::kPartial) {
    return store_unaligned(field, Be16::from_raw(fold(pseudo)));
  }
  Be16 checksum = finish(sum_of({bytes.data() + layer.offset, length}, pseudo));
  if (layer.kind == Kind::kUdp) checksum = never_zero(checksum);
  if (layer.checksum == ChecksumMode::kWrong)
    checksum = Be16{static_cast<std::uint16_t>(checksum.host() ^ 0x5555U)};
  store_unaligned(field, checksum);
}

std::vector<std::uint8_t> PacketBuilder::bytes() const {
  std::vector<std::uint8_t> finished = bytes_;
  for (std::size_t i = layers_.size(); i-- > 0;) finish_layer(finished, i);
  return finished;
}

PacketPtr PacketBuilder::build(PacketPool& pool, std::uint32_t headroom) const {
  const std::vector<std::uint8_t> finished = bytes();
  PacketPtr packet = pool.allocate(here(), headroom);
  if (packet == nullptr) return nullptr;
  std::ranges::copy(finished, packet->data());

  PacketMeta& meta = packet->meta;
  meta.vlan = vlan_tag_;
  if (layers_.empty()) return packet;
  const bool framed = layers_.front().kind == Kind::kEthernet;
  if (framed) {
    packet->set_mac_header(0);
    meta.mac_len = EthernetHeader::kSize;
    meta.protocol = load_unaligned<EthernetHeader>(packet->data()).proto;
  } else {
    meta.protocol = layers_.front().ether_type;
  }
  const Layer* network = find_from(0, [](Kind kind) { return is_ip(kind) || kind == Kind::kArp; });
  packet->set_network_header(network != nullptr
                                 ? static_cast<std::int32_t>(network->offset)
                                 : static_cast<std::int32_t>(framed ? EthernetHeader::kSize : 0));
  const Layer* transport = find_from(0, is_transport);
  if (transport == nullptr) return packet;
  packet->set_transport_header(static_cast<std::int32_t>(transport->offset));
  if (transport->checksum == ChecksumMode::kPartial) {
    set_partial_checksum(*packet, transport->offset, checksum_offset(transport->protocol));
  }
  if (gso_size_ != 0 && network != nullptr) {
    const Layout layout{.family = network->kind == Kind::kIpv4 ? IpFamily::kV4 : IpFamily::kV6,
                        .protocol = transport->protocol};
    meta.gso = {.type = gso_type_of(layout), .size = gso_size_};
    meta.gso.segs = segment_count(*packet);
  }
  return packet;
}

}  // namespace netkit
