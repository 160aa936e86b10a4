#include "tests/support/forwarder.h"

#include <poll.h>

#include <algorithm>

#include "packet/dissect.h"

namespace netkit::testing {

Forwarder::Forwarder(ForwardingEnd first, ForwardingEnd second)
    : ends_{first, second}, thread_([this] { loop(); }) {}

Forwarder::~Forwarder() {
  stop_.store(true);
  thread_.join();
}

void Forwarder::look_at(const Packet& packet, Seen& seen) {
  ++seen.packets;
  if (packet.meta.csum.state == ChecksumState::kPartial) ++seen.partial_checksums;
  if (packet.meta.vlan.present) seen.vlan_tci = packet.meta.vlan.tci;
  seen.longest = std::max(seen.longest.load(), packet.len());
  if (packet.meta.gso.size == 0) return;
  ++seen.super_packets;
  seen.gso_types |= packet.meta.gso.type;
  seen.gso_size = packet.meta.gso.size;
  seen.most_segments = std::max<std::uint32_t>(seen.most_segments.load(), packet.meta.gso.segs);
}

bool Forwarder::move(std::size_t from) {
  static thread_local PacketPool pool;
  Port& target = *ends_[1 - from].port;
  PacketBatch batch;
  ends_[from].port->receive(pool, batch);
  if (batch.empty()) return false;
  for (PacketPtr& packet : batch) {
    look_at(*packet, seen_[from]);
    if (const auto frame = classify_frame(packet->bytes(), ends_[1 - from].mac))
      packet->meta.pkt_type = frame->type;
  }
  target.send(batch);
  target.flush();
  return true;
}

void Forwarder::loop() {
  while (!stop_.load()) {
    const bool moved_first = move(0);
    const bool moved_second = move(1);
    if (moved_first || moved_second) continue;
    constexpr int kPatience = 10;
    pollfd wait[2] = {{ends_[0].port->poll_fd(), POLLIN, 0}, {ends_[1].port->poll_fd(), POLLIN, 0}};
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends_[i].port->state() == PortState::kGone) wait[i].fd = -1;
    }
    ::poll(wait, 2, kPatience);
  }
}

}  // namespace netkit::testing
