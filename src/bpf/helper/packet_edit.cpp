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

}  // namespace netkit::bpf
