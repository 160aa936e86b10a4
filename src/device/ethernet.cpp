#include "device/ethernet.h"

#include <cstring>

#include "packet/headers.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kAddresses = 12;  // destination and source

// What `type` means as a protocol, `payload` being what comes behind it.
Be16 protocol_of(Be16 type, std::span<const std::uint8_t> payload) {
  if (type.host() >= kLeastEtherType) return type;
  const bool raw_ipx = payload.size() >= 2 && payload[0] == 0xff && payload[1] == 0xff;
  return raw_ipx ? kProto8023 : kProto8022;
}

const std::uint8_t* mac_header(const Packet& packet) {
  return packet.data() + packet.offset_of(packet.meta.mac_header);
}

}  // namespace

void set_packet_type(Packet& packet, const Device& receiver) {
  const MacAddress destination = mac_at(mac_header(packet));
  if (destination == receiver.mac()) return;
  if (!destination.is_group()) {
    packet.meta.pkt_type = PacketType::kOtherhost;
  } else if (destination == receiver.broadcast()) {
    packet.meta.pkt_type = PacketType::kBroadcast;
  } else {
    packet.meta.pkt_type = PacketType::kMulticast;
  }
}

Be16 ethernet_protocol(const Packet& packet) {
  const auto type = Be16::from_raw(load_unaligned<std::uint16_t>(mac_header(packet) + kAddresses));
  return protocol_of(type, packet.bytes());
}

bool take_ethernet_header(Packet& packet, const Device& receiver) {
  if (!packet.make_linear(kEthernetHeader)) return false;
  packet.set_mac_header();
  packet.pull(kEthernetHeader);
  packet.meta.pkt_type = PacketType::kHost;
  set_packet_type(packet, receiver);
  packet.meta.protocol = ethernet_protocol(packet);
  return true;
}

bool take_vlan_tag(Packet& packet) {
  if (packet.meta.vlan.present) return true;
  if (!packet.make_linear(VlanHeader::kSize)) return false;
  const auto tag = load_unaligned<VlanHeader>(packet.data());
  packet.meta.vlan = {.present = true, .proto = packet.meta.protocol, .tci = tag.tci.host()};

  // The addresses move up to where the tag was, so that they stand in front of the EtherType behind it.
  std::uint8_t* const addresses = packet.data() + packet.offset_of(packet.meta.mac_header);
  packet.pull(VlanHeader::kSize);
  std::memmove(addresses + VlanHeader::kSize, addresses, kAddresses);
  packet.meta.mac_header += VlanHeader::kSize;
  packet.meta.protocol = protocol_of(tag.proto, packet.bytes());
  return true;
}

}  // namespace netkit::device
