#include "port/vlan.h"

#include <algorithm>

#include "packet/headers.h"

namespace netkit {
namespace {

constexpr std::uint32_t kMacAddresses = 12;  // both, in front of the EtherType or tag

}  // namespace

bool take_vlan_tag(Packet& packet) {
  if (packet.meta.vlan.present) return true;
  const auto type = packet.range(kMacAddresses, 2);
  if (type.empty() || !is_vlan(load_unaligned<Be16>(type.data()))) return true;
  const auto tag = packet.range(kMacAddresses, 2 + VlanHeader::kSize);
  if (tag.empty() || !packet.make_linear(kMacAddresses + 2 + VlanHeader::kSize)) return false;
  packet.meta.vlan = {.present = true,
                      .proto = load_unaligned<Be16>(tag.data()),
                      .tci = load_unaligned<Be16>(tag.data() + 2).host()};
  std::uint8_t* data = packet.data();
  std::copy_backward(data, data + kMacAddresses, data + kMacAddresses + VlanHeader::kSize);
  packet.pull(VlanHeader::kSize);
  return true;
}

bool put_vlan_tag(Packet& packet) {
  if (!packet.meta.vlan.present) return true;
  if (packet.headroom() < VlanHeader::kSize && !packet.reserve(VlanHeader::kSize, 0)) return false;
  packet.push(VlanHeader::kSize);
  std::uint8_t* data = packet.data();
  std::copy(data + VlanHeader::kSize, data + VlanHeader::kSize + kMacAddresses, data);
  store_unaligned(data + kMacAddresses, packet.meta.vlan.proto);
  store_unaligned(data + kMacAddresses + 2, Be16(packet.meta.vlan.tci));
  packet.meta.vlan = {};
  return true;
}

}  // namespace netkit
