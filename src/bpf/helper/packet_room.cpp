// Room in front of or behind the network header: bpf_skb_adjust_room, bpf_skb_change_proto. Source: spec
// tc-bpf-context.md 3.1 and 3.2; kernel bpf_skb_net_grow, bpf_skb_net_shrink, bpf_skb_proto_xlat.
#include <cerrno>
#include <cstdlib>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_edit.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

enum RoomMode : std::uint32_t { kRoomNet = 0, kRoomMac = 1 };

// BPF_F_ADJ_ROOM_*
enum RoomFlag : std::uint64_t {
  kFixedGso = 1U << 0,
  kEncapL3Ipv4 = 1U << 1,
  kEncapL3Ipv6 = 1U << 2,
  kEncapL4Gre = 1U << 3,
  kEncapL4Udp = 1U << 4,
  kNoCsumReset = 1U << 5,
  kEncapL2Eth = 1U << 6,
  kDecapL3Ipv4 = 1U << 7,
  kDecapL3Ipv6 = 1U << 8,
  kDecapL4Gre = 1U << 9,
  kDecapL4Udp = 1U << 10,
  kDecapIpxip4 = 1U << 11,
  kDecapIpxip6 = 1U << 12,
};
constexpr std::uint64_t kEncapL3 = kEncapL3Ipv4 | kEncapL3Ipv6;
constexpr std::uint64_t kEncapL4 = kEncapL4Gre | kEncapL4Udp;
constexpr std::uint64_t kDecapL3 = kDecapL3Ipv4 | kDecapL3Ipv6;
constexpr std::uint64_t kDecapL4 = kDecapL4Gre | kDecapL4Udp;
constexpr std::uint64_t kDecapIpxip = kDecapIpxip4 | kDecapIpxip6;
constexpr std::uint64_t kDecap = kDecapL3 | kDecapL4 | kDecapIpxip;
constexpr unsigned kInnerMacLength = 56;  // where the flags hold it (BPF_ADJ_ROOM_ENCAP_L2_SHIFT)
constexpr std::uint64_t kRoomFlags = kFixedGso | kEncapL3 | kEncapL4 | kNoCsumReset | kEncapL2Eth | kDecap |
                                     std::uint64_t{0xff} << kInnerMacLength;

constexpr std::uint32_t kMostRoom = 0xfff;
constexpr std::uint32_t kGreHeader = 4;

bool has_all(std::uint64_t flags, std::uint64_t all) {
  return (flags & all) == all;
}
bool has_any(std::uint64_t flags, std::uint64_t any) {
  return (flags & any) != 0;
}

bool is_ip(Be16 protocol) {
  return protocol == kProtoIpv4 || protocol == kProtoIpv6;
}

// The length of an IP header without options (bpf_skb_net_base_len).
std::uint32_t base_length(Be16 protocol) {
  return protocol == kProtoIpv4 ? Ipv4Header::kSize : Ipv6Header::kSize;
}

std::uint32_t mac_length(const Packet& packet) {
  return packet.meta.network_header - packet.meta.mac_header;
}

// Super-packets other than TCP's hold datagrams, whose size may not change.
bool segments_forbid(const Packet& packet, std::uint64_t flags) {
  const Gso& gso = packet.meta.gso;
  if (gso.size == 0 || has_any(gso.type, kGsoTcp4 | kGsoTcp6)) return false;
  return !has_any(gso.type, kGsoUdpL4) || !has_any(flags, kFixedGso);
}

// What removing asks for must fit together, and fit into what is removed.
std::int64_t check_decap(std::uint64_t flags, std::uint32_t removed, bool shrink, Be16 protocol) {
  if (!has_any(flags, kDecap)) return 0;
  if (!shrink || has_all(flags, kDecapL3) || has_all(flags, kDecapL4) || has_all(flags, kDecapIpxip))
    return -EINVAL;
  if (has_any(flags, kDecapL4) && has_any(flags, kDecapIpxip)) return -EINVAL;
  std::uint32_t least = 0;
  if (has_any(flags, kDecapL4Udp)) least = base_length(protocol) + UdpHeader::kSize;
  if (has_any(flags, kDecapL4Gre)) least = base_length(protocol) + kGreHeader;
  if (has_any(flags, kDecapIpxip4)) least = Ipv4Header::kSize;
  if (has_any(flags, kDecapIpxip6)) least = Ipv6Header::kSize;
  return removed < least ? -EINVAL : 0;
}

std::int64_t check_encap(const Packet& packet, std::uint64_t flags, std::uint32_t room) {
  const auto inner_mac = static_cast<std::uint32_t>(flags >> kInnerMacLength);
  if (has_all(flags, kEncapL3) || has_all(flags, kEncapL4)) return -EINVAL;
  if (has_any(flags, kEncapL2Eth) && inner_mac < kEthernetHeader) return -EINVAL;
  if (packet.meta.encapsulation) return -EALREADY;
  return inner_mac > room ? -EINVAL : 0;
}

// The tunnel that the new headers make of a super-packet.
GsoType tunnel_type(std::uint64_t flags) {
  if (has_any(flags, kEncapL4Udp)) return kGsoUdpTunnel;
  if (has_any(flags, kEncapL4Gre)) return kGsoGre;
  return has_any(flags, kEncapL3Ipv6) ? kGsoIpxip6 : kGsoIpxip4;
}

// The old headers become inner ones; in front of them lies the room for the outer. `inner` and
// `inner_transport` are where network and transport header were.
void encapsulate(Packet& packet, std::uint64_t flags, std::uint32_t inner, std::uint32_t inner_transport) {
  PacketMeta& meta = packet.meta;
  meta.inner_mac_header = inner - static_cast<std::uint32_t>(flags >> kInnerMacLength);
  meta.inner_network_header = inner;
  meta.inner_transport_header = inner_transport;
  meta.encapsulation = true;
  const bool outer_is_v6 = has_any(flags, kEncapL3Ipv6);
  if (has_any(flags, kEncapL4))
    meta.transport_header = meta.network_header + (outer_is_v6 ? Ipv6Header::kSize : Ipv4Header::kSize);
  meta.protocol = outer_is_v6 ? kProtoIpv6 : kProtoIpv4;
}

// The segments' headers have changed: somebody must look at them again.
void distrust(Gso& gso, std::uint32_t types = kGsoNone) {
  gso.type |= kGsoDodgy | types;
  gso.segs = 0;
}

std::int64_t grow(Packet& packet, std::uint32_t offset, std::uint32_t room, std::uint64_t flags) {
  if (segments_forbid(packet, flags)) return -kENOTSUPP;
  const bool encap = has_any(flags, kEncapL3);
  if (encap) {
    if (const std::int64_t refused = check_encap(packet, flags, room); refused != 0) return refused;
  }
  // Positions count from the buffer's start: what lies behind the room keeps its own.
  if (!packet.reserve(room + packet.meta.meta_len, 0)) return -ENOMEM;
  const std::uint32_t inner = packet.meta.network_header;
  const std::uint32_t inner_transport = packet.meta.transport_header;
  if (!insert_room(packet, offset, room)) return -ENOMEM;
  if (encap) encapsulate(packet, flags, inner, inner_transport);
  Gso& gso = packet.meta.gso;
  if (gso.size == 0) return 0;
  distrust(gso, encap ? tunnel_type(flags) : kGsoNone);
  if (!has_any(flags, kFixedGso)) gso.size = static_cast<std::uint16_t>(gso.size - room);
  return 0;
}

// The tunnel that goes with the removed headers.
void decapsulate(PacketMeta& meta, std::uint64_t flags) {
  if (has_any(flags, kDecapL3Ipv4)) meta.protocol = kProtoIpv4;
  if (has_any(flags, kDecapL3Ipv6)) meta.protocol = kProtoIpv6;
  if (!has_any(flags, kDecapL4 | kDecapIpxip)) return;
  std::uint32_t gone = 0;
  if (has_any(flags, kDecapL4Udp)) gone |= kGsoUdpTunnel | kGsoUdpTunnelCsum;
  if (has_any(flags, kDecapL4Gre)) gone |= kGsoGre | kGsoGreCsum;
  if (has_any(flags, kDecapIpxip4)) gone |= kGsoIpxip4;
  if (has_any(flags, kDecapIpxip6)) gone |= kGsoIpxip6;
  meta.gso.type &= ~gone;
  meta.encapsulation = false;
}

std::int64_t shrink(Packet& packet, std::uint32_t offset, std::uint32_t removed, std::uint64_t flags) {
  if (has_any(flags, ~(kDecap | kFixedGso | kNoCsumReset))) return -EINVAL;
  if (segments_forbid(packet, flags)) return -kENOTSUPP;
  if (!remove_room(packet, offset, removed)) return -ENOMEM;
  decapsulate(packet.meta, flags);
  Gso& gso = packet.meta.gso;
  if (gso.size == 0) return 0;
  if (!has_any(flags, kFixedGso)) gso.size = static_cast<std::uint16_t>(gso.size + removed);
  distrust(gso);
  return 0;
}

std::int64_t adjust(Packet& packet, std::int32_t difference, std::uint32_t mode, std::uint64_t flags) {
  const PacketMeta& meta = packet.meta;
  const bool shrinks = difference < 0;
  const std::uint32_t room =
      shrinks ? 0U - static_cast<std::uint32_t>(difference) : static_cast<std::uint32_t>(difference);
  if (has_any(flags, ~kRoomFlags)) return -EINVAL;
  if (room > kMostRoom) return -EFAULT;
  if (!is_ip(meta.protocol)) return -kENOTSUPP;
  if (mode != kRoomNet && mode != kRoomMac) return -kENOTSUPP;
  if (const std::int64_t refused = check_decap(flags, room, shrinks, meta.protocol); refused != 0)
    return refused;

  std::uint32_t least = base_length(meta.protocol);
  if (has_any(flags, kDecapL3))
    least =
        has_any(flags, kDecapL3Ipv6) ? std::uint32_t{Ipv6Header::kSize} : std::uint32_t{Ipv4Header::kSize};
  const auto network = static_cast<std::uint32_t>(packet.offset_of(meta.network_header));
  const std::uint32_t length = packet.len() - network;  // of the network packet
  if (shrinks && (room >= length || length - room < least)) return -kENOTSUPP;
  if (!shrinks && packet.len() + room > kMaxLength && meta.gso.size == 0) return -kENOTSUPP;

  const std::uint32_t offset = mac_length(packet) + (mode == kRoomNet ? base_length(meta.protocol) : 0);
  return shrinks ? shrink(packet, offset, room, flags) : grow(packet, offset, room, flags);
}

std::int64_t skb_adjust_room(RunContext& run, ContextPointer, std::int32_t difference, std::uint32_t mode,
                             std::uint64_t flags) {
  Packet& packet = *run.packet;
  const std::int64_t result = adjust(packet, difference, mode, flags);
  Checksum& csum = packet.meta.csum;
  if (result == 0 && !has_any(flags, kNoCsumReset) && csum.state == ChecksumState::kUnnecessary) csum = {};
  run.packet_moved();
  return result;
}

// The kind of TCP super-packet follows the family.
void change_gso(Gso& gso, GsoType from, GsoType to) {
  if (gso.size == 0) return;
  if (has_any(gso.type, from)) gso.type = (gso.type & ~std::uint32_t{from}) | to;
  gso.type |= kGsoDodgy;
}

std::int64_t change_proto(Packet& packet, Be16 to) {
  constexpr std::uint32_t kDifference = Ipv6Header::kSize - Ipv4Header::kSize;
  PacketMeta& meta = packet.meta;
  const std::uint32_t offset = mac_length(packet);
  if (meta.protocol == kProtoIpv4 && to == kProtoIpv6) {
    if (!insert_room(packet, offset, kDifference)) return -ENOMEM;
    change_gso(meta.gso, kGsoTcp4, kGsoTcp6);
  } else if (meta.protocol == kProtoIpv6 && to == kProtoIpv4) {
    if (!remove_room(packet, offset, kDifference)) return -ENOMEM;
    change_gso(meta.gso, kGsoTcp6, kGsoTcp4);
  } else {
    return -kENOTSUPP;
  }
  meta.protocol = to;
  clear_hash(packet);
  return 0;
}

std::int64_t skb_change_proto(RunContext& run, ContextPointer, std::uint16_t raw_proto, std::uint64_t flags) {
  if (flags != 0) return -EINVAL;
  const std::int64_t result = change_proto(*run.packet, Be16::from_raw(raw_proto));
  run.packet_moved();
  return result;
}

constexpr Helper kHelpers[] = {
    {.number = 31,
     .name = "skb_change_proto",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<skb_change_proto>},
    {.number = 50,
     .name = "skb_adjust_room",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything, Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<skb_adjust_room>},
};

}  // namespace

std::span<const Helper> packet_room_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
