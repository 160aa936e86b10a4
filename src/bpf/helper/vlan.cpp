// bpf_skb_vlan_push, bpf_skb_vlan_pop. A packet carries its outermost tag beside the bytes; further ones
// stand in the bytes behind the MAC addresses. Source: spec tc-bpf-context.md 3.1; kernel skb_vlan_push,
// skb_vlan_pop.
#include <cerrno>
#include <cstring>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_edit.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kMacAddresses = 12;
constexpr std::uint32_t kTagBytes = 4;

// At a receive hook the sum of a complete checksum begins behind the MAC header, which lies in data: it is
// counted in while tags move in and out of it (bpf_push_mac_rcsum, bpf_pull_mac_rcsum).
class MacHeaderCounted {
 public:
  explicit MacHeaderCounted(Packet& packet) : packet_(packet) {
    if (packet_.meta.at_ingress) count_in(packet_, mac_header());
  }
  ~MacHeaderCounted() {
    if (packet_.meta.at_ingress) count_out(packet_, mac_header());
  }
  MacHeaderCounted(const MacHeaderCounted&) = delete;
  MacHeaderCounted& operator=(const MacHeaderCounted&) = delete;

 private:
  [[nodiscard]] std::span<const std::uint8_t> mac_header() const {
    return packet_.range(0, packet_.meta.mac_len);
  }
  Packet& packet_;
};

// Writes the tag beside the bytes into them; data is the MAC header.
std::int64_t insert_tag(Packet& packet) {
  if (packet.meta.mac_header != packet.at(0)) return -EINVAL;
  if (!packet.make_linear(kEthernetHeader) || !push_head(packet, kTagBytes)) return -ENOMEM;
  PacketMeta& meta = packet.meta;
  std::memmove(packet.data(), packet.data() + kTagBytes, kMacAddresses);
  store_unaligned(packet.data() + kMacAddresses, meta.vlan.proto);
  store_unaligned(packet.data() + kMacAddresses + 2, Be16(meta.vlan.tci));
  meta.mac_header -= kTagBytes;
  meta.network_header -= kTagBytes;
  meta.protocol = meta.vlan.proto;
  count_in(packet, packet.range(kMacAddresses, kTagBytes));
  return 0;
}

// The protocol of what `payload` begins with, where its type field says `type` (vlan_set_encap_proto; the
// kernel looks for the two bytes also behind the end of the packet).
Be16 protocol_behind(Be16 type, std::span<const std::uint8_t> payload) {
  if (type.host() >= kLeastEtherType) return type;
  const bool raw_ipx = payload.size() >= 2 && load_unaligned<std::uint16_t>(payload.data()) == 0xffff;
  return raw_ipx ? kProto8023 : kProto8022;
}

// Takes the first tag out of the bytes and puts its contents into `tci`; data is the MAC header.
std::int64_t remove_tag(Packet& packet, std::uint16_t& tci) {
  constexpr std::uint32_t kTaggedHeader = kEthernetHeader + kTagBytes;
  if (packet.meta.mac_header != packet.at(0)) return -EINVAL;
  if (!packet.make_linear(kTaggedHeader)) return -ENOMEM;
  PacketMeta& meta = packet.meta;
  const VlanHeader tag = load_unaligned<VlanHeader>(packet.data() + kEthernetHeader);
  tci = tag.tci.host();
  count_out(packet, packet.range(kMacAddresses, kTagBytes));
  meta.protocol = protocol_behind(tag.proto, packet.bytes().subspan(kTaggedHeader));
  // The metadata area lies in front of the addresses and moves with them.
  const std::uint32_t moved = meta.meta_len + kMacAddresses;
  std::memmove(packet.data() + kTagBytes - meta.meta_len, packet.data() - meta.meta_len, moved);
  packet.pull(kTagBytes);
  meta.mac_header += kTagBytes;
  if (packet.offset_of(meta.network_header) < static_cast<std::int32_t>(kEthernetHeader)) {
    packet.set_network_header(kEthernetHeader);
  }
  reset_mac_len(packet);
  return 0;
}

std::int64_t push(Packet& packet, VlanTag tag) {
  const MacHeaderCounted counted(packet);
  if (packet.meta.vlan.present) {
    if (const std::int64_t error = insert_tag(packet); error != 0) return error;
  }
  packet.meta.vlan = tag;
  return 0;
}

std::int64_t pop(Packet& packet) {
  const MacHeaderCounted counted(packet);
  PacketMeta& meta = packet.meta;
  std::uint16_t tci = 0;
  if (meta.vlan.present) {
    meta.vlan = {};
  } else {
    if (!is_vlan(meta.protocol)) return 0;
    if (const std::int64_t error = remove_tag(packet, tci); error != 0) return error;
  }
  if (!is_vlan(meta.protocol)) return 0;
  const Be16 proto = meta.protocol;
  if (const std::int64_t error = remove_tag(packet, tci); error != 0) return error;
  meta.vlan = {.present = true, .proto = proto, .tci = tci};
  return 0;
}

// A protocol that is no VLAN's is taken for 0x8100.
std::int64_t skb_vlan_push(RunContext& run, ContextPointer, std::uint16_t raw_proto, std::uint16_t tci) {
  const Be16 proto = Be16::from_raw(raw_proto);
  const std::int64_t result =
      push(*run.packet, {.present = true, .proto = is_vlan(proto) ? proto : kProtoVlan, .tci = tci});
  reset_mac_len(*run.packet);
  run.packet_moved();
  return result;
}

std::int64_t skb_vlan_pop(RunContext& run, ContextPointer) {
  const std::int64_t result = pop(*run.packet);
  reset_mac_len(*run.packet);
  run.packet_moved();
  return result;
}

constexpr Helper kHelpers[] = {
    {.number = 18,
     .name = "skb_vlan_push",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<skb_vlan_push>},
    {.number = 19,
     .name = "skb_vlan_pop",
     .contract = {.arguments = {Arg::kContext}, .effects = kChangesPacket},
     .function = helper_call<skb_vlan_pop>},
};

}  // namespace

std::span<const Helper> vlan_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
