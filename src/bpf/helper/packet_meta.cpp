// What travels with the packet: bpf_skb_change_type, bpf_get_hash_recalc, bpf_set_hash_invalid, bpf_set_hash,
// bpf_skb_set_tstamp, bpf_skb_ecn_set_ce. Source: spec tc-bpf-context.md 3.1.
#include <cerrno>
#include <utility>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_edit.h"
#include "packet/dissect.h"
#include "packet/flow_hash.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

std::int64_t skb_change_type(RunContext& run, ContextPointer, std::uint32_t type) {
  constexpr auto kLast = std::to_underlying(PacketType::kOtherhost);
  PacketType& pkt_type = run.packet->meta.pkt_type;
  if (std::to_underlying(pkt_type) > kLast || type > kLast) return -EINVAL;
  pkt_type = static_cast<PacketType>(type);
  return 0;
}

std::uint32_t get_hash_recalc(RunContext& run, ContextPointer) {
  return get_flow_hash(*run.packet);
}

std::int64_t set_hash_invalid(RunContext& run, ContextPointer) {
  clear_hash(*run.packet);
  return 0;
}

std::int64_t set_hash(RunContext& run, ContextPointer, std::uint32_t hash) {
  PacketMeta& meta = run.packet->meta;
  meta.hash = hash;
  meta.sw_hash = meta.l4_hash = true;
  return 0;
}

std::int64_t skb_set_tstamp(RunContext& run, ContextPointer, std::uint64_t tstamp, std::uint32_t type) {
  PacketMeta& meta = run.packet->meta;
  if (meta.protocol != kProtoIpv4 && meta.protocol != kProtoIpv6) return -EOPNOTSUPP;
  if (type > std::to_underlying(TimestampType::kTai)) return -EINVAL;
  const auto clock = static_cast<TimestampType>(type);
  if (clock != TimestampType::kRealtime && tstamp == 0) return -EINVAL;
  meta.tstamp = tstamp;
  meta.tstamp_type = clock;
  return 0;
}

// The two ECN bits of the traffic class (RFC 3168).
enum Ecn : std::uint8_t { kNotCapable = 0, kCongestionExperienced = 3 };

// IPv4: the header checksum follows. Returns whether the packet is marked now.
bool mark_ipv4(std::uint8_t* header) {
  auto ip = load_unaligned<Ipv4Header>(header);
  const auto ecn = static_cast<std::uint8_t>(ip.tos & kCongestionExperienced);
  if (ecn == kNotCapable) return false;
  if (ecn == kCongestionExperienced) return true;
  // The first word of the header grows by this much, so the checksum shrinks by it (RFC 1624).
  const Be16 grown(static_cast<std::uint16_t>(kCongestionExperienced - ecn));
  ip.checksum = Be16::from_raw(fold(sum_sub(ip.checksum.raw(), std::uint32_t{grown.raw()})));
  ip.tos |= kCongestionExperienced;
  store_unaligned(header, ip);
  return true;
}

// IPv6 has no header checksum, so the sum of the packet changes.
bool mark_ipv6(std::uint8_t* header, Checksum& csum) {
  const auto first = load_unaligned<Be32>(header);
  const auto ecn = static_cast<std::uint8_t>((first.host() >> 20U) & kCongestionExperienced);
  if (ecn == kNotCapable) return false;
  const Be32 marked(first.host() | (std::uint32_t{kCongestionExperienced} << 20U));
  store_unaligned(header, marked);
  if (csum.state == ChecksumState::kComplete)
    csum.sum = sum_add(sum_sub(csum.sum, first.raw()), marked.raw());
  return true;
}

// The protocol of the packet behind any tags in its bytes (skb_protocol).
Be16 network_protocol(const Packet& packet) {
  const PacketMeta& meta = packet.meta;
  if (!is_vlan(meta.protocol)) return meta.protocol;
  const std::uint32_t header =
      meta.mac_len >= VlanHeader::kSize ? meta.mac_len - VlanHeader::kSize : kEthernetHeader;
  const auto start = skip_vlan_tags(packet.bytes(), meta.protocol, header);
  return start ? start->proto : Be16{};
}

std::int64_t skb_ecn_set_ce(RunContext& run, ContextPointer) {
  Packet& packet = *run.packet;
  const Be16 proto = network_protocol(packet);
  if (proto != kProtoIpv4 && proto != kProtoIpv6) return 0;
  const std::uint32_t size = proto == kProtoIpv4 ? Ipv4Header::kSize : Ipv6Header::kSize;
  const std::uint32_t header = packet.meta.network_header;
  if (header == kUnset || header + size > packet.headroom() + packet.linear_len()) return 0;
  std::uint8_t* at = packet.buffer() + header;
  return (proto == kProtoIpv4 ? mark_ipv4(at) : mark_ipv6(at, packet.meta.csum)) ? 1 : 0;
}

constexpr Helper kHelpers[] = {
    {.number = 32,
     .name = "skb_change_type",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}},
     .function = helper_call<skb_change_type>},
    {.number = 34,
     .name = "get_hash_recalc",
     .contract = {.arguments = {Arg::kContext}},
     .function = helper_call<get_hash_recalc>},
    {.number = 41,
     .name = "set_hash_invalid",
     .contract = {.arguments = {Arg::kContext}},
     .function = helper_call<set_hash_invalid>},
    {.number = 48,
     .name = "set_hash",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}},
     .function = helper_call<set_hash>},
    {.number = 97,
     .name = "skb_ecn_set_ce",
     .contract = {.arguments = {Arg::kContext}},
     .function = helper_call<skb_ecn_set_ce>},
    {.number = 192,
     .name = "skb_set_tstamp",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}},
     .function = helper_call<skb_set_tstamp>},
};

}  // namespace

std::span<const Helper> packet_meta_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
