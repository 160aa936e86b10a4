#include "netkit/port.h"

#include <poll.h>

#include <cstring>

#include "api/states.h"
#include "packet/dissect.h"
#include "packet/segment.h"

namespace netkit::v1 {
namespace {

Error malformed(const char* why) {
  return {EINVAL, why};
}

// The metadata that a stack would have set beside the bytes.
Result<> describe_to(netkit::Packet& packet, const Packet& wanted, const netkit::MacAddress& own) {
  PacketMeta& meta = packet.meta;
  if (!parse_headers(packet, own)) return std::unexpected(malformed("shorter than an Ethernet header"));
  meta.pkt_type = PacketType::kHost;
  meta.mark = wanted.mark;
  meta.priority = wanted.priority;
  meta.hash = wanted.hash;
  meta.vlan = {.present = wanted.vlan_present, .proto = Be16(wanted.vlan_proto), .tci = wanted.vlan_tci};
  if (!wanted.partial_checksum && wanted.gso_size == 0) return {};

  const auto layout = dissect(packet);
  const bool is_tcp = layout && layout->protocol == kIpTcp;
  if (!is_tcp && (!layout || layout->protocol != kIpUdp))
    return std::unexpected(malformed("a checksum left to be computed, or a super-packet, is TCP or UDP"));
  if (wanted.gso_size != 0 && !wanted.partial_checksum)
    return std::unexpected(malformed("a super-packet leaves its checksum to be computed"));
  meta.csum.state = ChecksumState::kPartial;
  meta.csum.start = meta.transport_header;
  meta.csum.offset = is_tcp ? TcpHeader::kChecksumOffset : UdpHeader::kChecksumOffset;
  if (wanted.gso_size == 0) return {};
  meta.gso.type = gso_type_of(*layout);
  meta.gso.size = wanted.gso_size;
  meta.gso.segs = segment_count(packet);
  return {};
}

Packet from(const netkit::Packet& packet) {
  const PacketMeta& meta = packet.meta;
  const auto bytes = packet.bytes();
  return {.bytes = {bytes.begin(), bytes.end()},
          .mark = meta.mark,
          .priority = meta.priority,
          .hash = meta.hash,
          .vlan_present = meta.vlan.present,
          .vlan_tci = meta.vlan.tci,
          .vlan_proto = meta.vlan.proto.host(),
          .gso_size = meta.gso.size,
          .partial_checksum = meta.csum.state == ChecksumState::kPartial};
}

}  // namespace

Port::Port(std::unique_ptr<State> state) : state_(std::move(state)) {}
Port::~Port() = default;
Port::Port(Port&&) noexcept = default;
Port& Port::operator=(Port&&) noexcept = default;

Result<> Port::send(const Packet& packet) {
  if (!state_->device->registered() || state_->world->state() == PortState::kGone)
    return std::unexpected(Error{ENODEV, "the device has gone"});
  if (packet.bytes.size() > kMaxPacket) return std::unexpected(Error{EMSGSIZE, "longer than 512 KiB"});
  PacketPtr made = state_->engine->allocate(static_cast<std::uint32_t>(packet.bytes.size()));
  if (made == nullptr) return std::unexpected(Error{ENOBUFS, "no packet buffer is free"});
  if (!packet.bytes.empty()) std::memcpy(made->data(), packet.bytes.data(), packet.bytes.size());
  if (auto described = describe_to(*made, packet, state_->device->mac()); !described) return described;
  const auto lost = [this] {
    const DropCounts dropped = state_->world->counters().dropped;
    return dropped[static_cast<std::size_t>(DropReason::kPortFull)];
  };
  const std::uint64_t lost_before = lost();
  PacketBatch batch;
  batch.push(std::move(made));
  state_->world->send(batch);
  state_->world->flush();
  if (lost() != lost_before) return std::unexpected(Error{ENOBUFS, "the queue towards the engine is full"});
  return {};
}

Result<Packet> Port::receive(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (state_->next == state_->arrived.size()) {
    state_->arrived.clear();
    state_->next = 0;
    state_->engine->receive(*state_->world, state_->arrived);
    if (!state_->arrived.empty()) break;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return std::unexpected(Error{EAGAIN, "no packet came"});
    pollfd waiting{state_->world->poll_fd(), POLLIN, 0};
    (void)::poll(&waiting, 1, static_cast<int>(left.count()));
  }
  const PacketPtr packet = std::move(state_->arrived[state_->next++]);
  return from(*packet);
}

int Port::poll_fd() const {
  return state_->world->poll_fd();
}

}  // namespace netkit::v1
