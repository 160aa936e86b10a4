#include "device/packet_socket.h"

#include <algorithm>

#include "packet/headers.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kReserved =
    16;  // what the socket keeps free in front of the frame (LL_RESERVED_SPACE)

// The frame may be longer by a tag if it has one (packet_extra_vlan_len_allowed).
std::uint32_t longest_frame(const Device& device, Be16 protocol) {
  return device.mtu() + kEthernetHeader + (is_vlan(protocol) ? VlanHeader::kSize : 0);
}

// The linear part of a frame of this length: the header alone once it does not fit a page with what goes in
// front (packet_alloc_skb).
std::uint32_t linear_part(const Device& device, std::uint32_t length) {
  const std::uint32_t room = kReserved + device.needed_headroom() + device.needed_tailroom();
  return room + length < kPage ? length : kEthernetHeader;
}

}  // namespace

Result<> send_frame(Execution& execution, Device& device, std::span<const std::uint8_t> frame,
                    const FrameOptions& options) {
  if (!device.is_up()) return fail(ENETDOWN);
  if (frame.size() > device.mtu() + kEthernetHeader + VlanHeader::kSize) return fail(EMSGSIZE);
  const auto header = read_header<EthernetHeader>(frame);
  if (!header) return fail(EINVAL);
  if (frame.size() > longest_frame(device, header->proto)) return fail(EMSGSIZE);

  const auto length = static_cast<std::uint32_t>(frame.size());
  const std::uint32_t headroom = std::max(kMinHeadroom, kReserved + device.needed_headroom());
  PacketPtr packet = execution.pool().allocate(length, headroom, device.needed_tailroom());
  if (packet == nullptr) return fail(ENOBUFS);
  std::ranges::copy(frame, packet->data());
  packet->set_linear_len(linear_part(device, length));
  packet->meta.protocol = header->proto;
  packet->meta.mark = options.mark;
  packet->meta.priority = options.priority;
  packet->set_network_header(kEthernetHeader);

  PacketBatch batch;
  batch.push(std::move(packet));
  const TransmitStatus status =
      options.bypass ? execution.transmit_directly(device, batch) : execution.transmit(device, batch);
  switch (status) {  // net_xmit_errno
    case TransmitStatus::kSuccess:
    case TransmitStatus::kCongestion:
      return {};
    case TransmitStatus::kDrop:
      return fail(ENOBUFS);
    case TransmitStatus::kNetDown:
      return fail(ENETDOWN);
  }
  return {};
}

std::vector<FrameListener::Frame> FrameListener::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(frames_, {});
}

void FrameListener::heard(const Device&, const Packet& packet, bool outgoing) {
  const PacketMeta& meta = packet.meta;
  Frame frame{.type = outgoing ? PacketType::kOutgoing : meta.pkt_type,
              .protocol = meta.protocol,
              .mark = meta.mark,
              .vlan = meta.vlan,
              .bytes = {packet.bytes().begin(), packet.bytes().end()}};
  const std::lock_guard lock(mutex_);
  frames_.push_back(std::move(frame));
}

}  // namespace netkit::device
