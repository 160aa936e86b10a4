#include "host/frame_address.h"

#include "packet/headers.h"

namespace netkit::host {

void hide_own_address(Packet& packet, const MacAddress& own) {
  auto header = load_unaligned<EthernetHeader>(packet.data());
  if (header.destination == own) header.destination = {};
  if (header.source == own) header.source = {};
  write_header(packet.data(), header);
}

DropReason address_for_pod(Packet& packet, const MacAddress& own, bool l3) {
  auto header = load_unaligned<EthernetHeader>(packet.data());
  if (packet.meta.pkt_type == PacketType::kOtherhost) {
    // On L2 other listeners (a bridge, tcpdump) may see it; with the interface's own address IP would take
    // it.
    return l3 || header.destination == own ? DropReason::kOtherhost : DropReason::kNone;
  }
  if (packet.meta.pkt_type == PacketType::kHost) header.destination = own;
  if (l3 && header.source.is_zero()) header.source = own;
  write_header(packet.data(), header);
  return DropReason::kNone;
}

}  // namespace netkit::host
