#include "packet/dissect.h"

namespace netkit {

std::optional<FrameClass> classify_frame(std::span<const std::uint8_t> frame, const MacAddress& own) {
  const auto ethernet = read_header<EthernetHeader>(frame);
  if (!ethernet) return std::nullopt;

  FrameClass found{.proto = ethernet->proto};
  if (ethernet->proto.host() < kLeastEtherType) {
    const auto behind = frame.subspan(EthernetHeader::kSize);
    const bool raw = behind.size() >= 2 && behind[0] == 0xff && behind[1] == 0xff;
    found.proto = raw ? kProto8023 : kProto8022;
  }
  if (ethernet->destination == own) {
    found.type = PacketType::kHost;
  } else if (ethernet->destination == kBroadcastMac) {
    found.type = PacketType::kBroadcast;
  } else {
    found.type = ethernet->destination.is_group() ? PacketType::kMulticast : PacketType::kOtherhost;
  }
  return found;
}

std::optional<NetworkStart> skip_vlan_tags(std::span<const std::uint8_t> bytes, Be16 proto,
                                           std::uint32_t offset) {
  if (offset > bytes.size()) return std::nullopt;
  while (is_vlan(proto)) {
    const auto tag = read_header<VlanHeader>(bytes.subspan(offset));
    if (!tag) return std::nullopt;
    proto = tag->proto;
    offset += VlanHeader::kSize;
  }
  return NetworkStart{proto, offset};
}

namespace {

bool is_extension(std::uint8_t protocol) {
  return protocol == kIpHopByHop || protocol == kIpRouting || protocol == kIpDestination ||
         protocol == kIpFragment || protocol == kIpAh;
}

// By the header's length field; the fragment header has none.
std::uint32_t extension_length(std::uint8_t protocol, std::uint8_t field) {
  if (protocol == kIpFragment) return Ipv6FragmentHeader::kSize;
  return protocol == kIpAh ? (field + 2U) * 4 : (field + 1U) * 8;
}

}  // namespace

std::optional<Ipv6Upper> walk_ipv6_extensions(std::span<const std::uint8_t> packet) {
  const auto ip = read_header<Ipv6Header>(packet);
  if (!ip) return std::nullopt;

  Ipv6Upper upper{.protocol = ip->next_header, .offset = Ipv6Header::kSize, .fragment = {}};
  while (is_extension(upper.protocol)) {
    constexpr std::uint32_t kShortest = 8;
    if (packet.size() < upper.offset + kShortest) return std::nullopt;
    const std::uint8_t* header = packet.data() + upper.offset;
    const std::uint32_t length = extension_length(upper.protocol, header[1]);
    if (length > packet.size() - upper.offset) return std::nullopt;
    const bool fragment = upper.protocol == kIpFragment;
    if (fragment) upper.fragment = upper.offset;
    upper.protocol = header[0];
    upper.offset += length;
    if (fragment && load_unaligned<Ipv6FragmentHeader>(header).fragment_offset() != 0) break;
  }
  return upper;
}

namespace {

std::optional<Layout> dissect_ipv4(std::span<const std::uint8_t> packet, std::uint32_t network) {
  const auto ip = read_header<Ipv4Header>(packet);
  if (!ip) return std::nullopt;
  return Layout{.family = IpFamily::kV4,
                .protocol = ip->protocol,
                .fragment = ip->is_fragment(),
                .later_fragment = ip->fragment_offset() != 0,
                .network = network,
                .transport = network + ip->length()};
}

std::optional<Layout> dissect_ipv6(std::span<const std::uint8_t> packet, std::uint32_t network) {
  const auto upper = walk_ipv6_extensions(packet);
  if (!upper) return std::nullopt;
  Layout layout{.family = IpFamily::kV6,
                .protocol = upper->protocol,
                .network = network,
                .transport = network + upper->offset};
  if (upper->fragment) {
    const auto part = load_unaligned<Ipv6FragmentHeader>(packet.data() + *upper->fragment);
    layout.later_fragment = part.fragment_offset() != 0;
    layout.fragment = layout.later_fragment || part.more_fragments();
  }
  return layout;
}

}  // namespace

std::optional<Layout> dissect(std::span<const std::uint8_t> bytes, Be16 proto, std::uint32_t network) {
  const auto start = skip_vlan_tags(bytes, proto, network);
  if (!start) return std::nullopt;
  const auto packet = bytes.subspan(start->offset);
  if (start->proto == kProtoIpv4) return dissect_ipv4(packet, start->offset);
  if (start->proto == kProtoIpv6) return dissect_ipv6(packet, start->offset);
  return std::nullopt;
}

std::optional<Layout> dissect(const Packet& packet) {
  const Be16 proto = packet.meta.protocol;
  const std::int32_t network = packet.offset_of(packet.meta.network_header);
  // A tagged frame's network header may stand at the first tag or behind the last one: its bytes decide.
  if (packet.meta.network_header != kUnset && network >= 0 && proto != Be16{} && !is_vlan(proto)) {
    return dissect(packet.bytes(), proto, static_cast<std::uint32_t>(network));
  }
  const auto ethernet = read_header<EthernetHeader>(packet.bytes());
  if (!ethernet) return std::nullopt;
  return dissect(packet.bytes(), ethernet->proto, EthernetHeader::kSize);
}

std::optional<std::uint32_t> Layout::headers(std::span<const std::uint8_t> bytes) const {
  if (later_fragment || transport > bytes.size()) return std::nullopt;
  const auto segment = bytes.subspan(transport);
  if (protocol == kIpUdp && segment.size() >= UdpHeader::kSize) return transport + UdpHeader::kSize;
  if (protocol != kIpTcp) return std::nullopt;
  const auto tcp = read_header<TcpHeader>(segment);
  return tcp ? std::optional(transport + tcp->length()) : std::nullopt;
}

bool parse_headers(Packet& packet, const MacAddress& own) {
  const auto frame = classify_frame(packet.bytes(), own);
  if (!frame) return false;
  PacketMeta& meta = packet.meta;
  meta.protocol = frame->proto;
  meta.pkt_type = frame->type;
  meta.mac_len = EthernetHeader::kSize;
  packet.set_mac_header(0);
  const auto network = skip_vlan_tags(packet.bytes(), frame->proto, EthernetHeader::kSize);
  packet.set_network_header(static_cast<std::int32_t>(network ? network->offset : EthernetHeader::kSize));
  meta.transport_header = kUnset;
  if (const auto layout = dissect(packet.bytes(), frame->proto, EthernetHeader::kSize)) {
    packet.set_transport_header(static_cast<std::int32_t>(layout->transport));
  }
  return true;
}

}  // namespace netkit
