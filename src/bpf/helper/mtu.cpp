// bpf_check_mtu: would the packet, longer by so much, go through a device?
#include <cerrno>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

enum MtuFlag : std::uint64_t { kCheckSegments = 1 };
enum MtuAnswer : std::int64_t { kFits = 0, kFragmentationNeeded = 1, kSegmentsTooBig = 2 };

// Length of each segment of a super-packet from the network header on (skb_gso_network_seglen).
std::uint64_t segment_length(const Packet& packet) {
  const PacketMeta& meta = packet.meta;
  const std::uint32_t transport = meta.transport_header;
  std::uint64_t length = std::uint64_t{meta.gso.size} + transport - meta.network_header;
  if ((meta.gso.type & (kGsoTcp4 | kGsoTcp6)) != 0) {
    const auto header =
        packet.range(static_cast<std::uint32_t>(packet.offset_of(transport)), TcpHeader::kSize);
    if (!header.empty()) length += load_unaligned<TcpHeader>(header.data()).length();
  } else if ((meta.gso.type & kGsoUdpL4) != 0) {
    length += UdpHeader::kSize;
  }
  return length;
}

std::int64_t check_mtu(RunContext& run, ContextPointer, std::uint32_t ifindex, std::uint32_t& mtu_length,
                       std::int32_t difference, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kCheckSegments}) != 0) return -EINVAL;
  const bool check_segments = flags != 0;
  if (check_segments && (difference != 0 || mtu_length != 0)) return -EINVAL;
  const Outside& outside = *run.outside;
  const std::uint32_t mtu =
      outside.device_mtu != nullptr ? outside.device_mtu(outside.self, run, ifindex) : 0;
  if (mtu == 0) return -ENODEV;

  const Packet& packet = *run.packet;
  // The kernel counts in 32 bits, and wraps.
  const auto length =
      static_cast<std::int32_t>((mtu_length != 0 ? mtu_length + kEthernetHeader : packet.len()) +
                                static_cast<std::uint32_t>(difference));
  mtu_length = mtu;
  if (length <= static_cast<std::int32_t>(mtu + kEthernetHeader)) return kFits;
  if (packet.meta.gso.size == 0) return kFragmentationNeeded;
  return check_segments && segment_length(packet) > mtu ? kSegmentsTooBig : kFits;
}

constexpr Helper kHelpers[] = {
    {.number = 163,
     .name = "check_mtu",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kIntOut, Arg::kAnything, Arg::kAnything},
                  .effects = kGplOnly},
     .function = helper_call<check_mtu>},
};

}  // namespace

std::span<const Helper> mtu_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
