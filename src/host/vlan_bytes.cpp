#include "host/vlan_bytes.h"

#include <cstring>

#include "packet/headers.h"

namespace netkit::host {
namespace {

constexpr std::uint32_t kAddresses = 12;  // of an Ethernet header, in front of its type
constexpr std::uint32_t kTag = 4;         // EtherType and control information

}  // namespace

void take_vlan_tag_out(Packet& packet) {
  if (packet.len() < kEthernetHeader + kTag) return;
  std::uint8_t* data = packet.data();
  const auto proto = load_unaligned<Be16>(data + kAddresses);
  if (!is_vlan(proto)) return;
  const auto tci = load_unaligned<Be16>(data + kAddresses + sizeof proto);
  packet.meta.vlan = {.present = true, .proto = proto, .tci = tci.host()};
  std::memmove(data + kTag, data, kAddresses);
  packet.pull(kTag);
}

bool put_vlan_tag_in(Packet& packet) {
  if (!packet.meta.vlan.present) return true;
  if (packet.headroom() < kTag && !packet.reserve(kTag, 0)) return false;
  packet.push(kTag);
  std::uint8_t* data = packet.data();
  std::memmove(data, data + kTag, kAddresses);
  store_unaligned(data + kAddresses, packet.meta.vlan.proto);
  store_unaligned(data + kAddresses + sizeof(Be16), Be16{packet.meta.vlan.tci});
  packet.meta.vlan = {};
  return true;
}

}  // namespace netkit::host
