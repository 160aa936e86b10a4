#include "bpf/helper/packet_edit.h"

#include <cstring>

namespace netkit::bpf {

bool push_head(Packet& packet, std::uint32_t n) {
  const std::uint32_t meta_len = packet.meta.meta_len;
  if (!packet.reserve(n + meta_len, 0)) return false;
  packet.push(n);
  if (meta_len != 0) std::memmove(packet.data() - meta_len, packet.data() + n - meta_len, meta_len);
  return true;
}

namespace {

// MAC and network header have moved by `distance`; a transport header that was not told from the network
// header goes with it.
void move_headers(PacketMeta& meta, std::uint32_t distance) {
  const bool transport_too = meta.transport_header == meta.network_header;
  meta.mac_header += distance;
  meta.network_header += distance;
  if (transport_too) meta.transport_header = meta.network_header;
}

}  // namespace

bool insert_room(Packet& packet, std::uint32_t offset, std::uint32_t n) {
  if (!packet.make_linear(offset) || !push_head(packet, n)) return false;
  std::memmove(packet.data(), packet.data() + n, offset);
  std::memset(packet.data() + offset, 0, n);
  move_headers(packet.meta, 0U - n);
  return true;
}

bool remove_room(Packet& packet, std::uint32_t offset, std::uint32_t n) {
  if (n > packet.len() || offset > packet.len() - n || !packet.make_linear(offset + n)) return false;
  const std::uint32_t meta_len = packet.meta.meta_len;
  std::uint8_t* const front = packet.data() - meta_len;
  packet.pull(n);
  count_out(packet, {front + meta_len + offset, n});
  std::memmove(front + n, front, meta_len + offset);
  move_headers(packet.meta, n);
  return true;
}

}  // namespace netkit::bpf
