// What a packet loses on its way from one stack to another (spec netkit-device.md 8.3; skb_scrub_packet).
#pragma once

#include "packet/packet.h"

namespace netkit::device {

// Row A, always: type, incoming interface, the sender's routing and tunnel data.
inline void scrub_packet(Packet& packet) {
  packet.meta.pkt_type = PacketType::kHost;
  packet.meta.skb_iif = 0;
  packet.meta.ignore_df = false;
  packet.meta.tunnel = {};
}

// Row B, between namespaces and at redirects to a transmit side: a wall-clock time stamp; delivery times of
// other clocks stay (skb_clear_tstamp).
inline void clear_receive_timestamp(Packet& packet) {
  if (packet.meta.tstamp_type == TimestampType::kRealtime) packet.meta.tstamp = 0;
}

// Row C, between namespaces unless the sender's scrub setting is NONE.
inline void scrub_marks(Packet& packet) {
  packet.meta.priority = 0;
  packet.meta.mark = 0;
}

}  // namespace netkit::device
