// Length: bpf_skb_change_head, bpf_skb_change_tail. Source: spec tc-bpf-context.md 3.1.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_edit.h"

namespace netkit::bpf {
namespace {

// A packet keeps the headers that are known (__bpf_skb_min_len).
std::uint32_t least_length(const Packet& packet) {
  const auto offset = [&](std::uint32_t position) {
    return position == kUnset ? 0 : std::max(packet.offset_of(position), 0);
  };
  const std::int32_t transport = offset(packet.meta.transport_header);
  return static_cast<std::uint32_t>(transport > 0 ? transport : offset(packet.meta.network_header));
}

// A sum of all bytes is wrong now; a checksum to be computed is given up when its field has gone.
void adjust_checksum(Packet& packet) {
  Checksum& csum = packet.meta.csum;
  const bool field_gone =
      csum.state == ChecksumState::kPartial &&
      packet.offset_of(csum.start) + csum.offset + 2 > static_cast<std::int32_t>(packet.len());
  if (csum.state == ChecksumState::kComplete || field_gone) csum.state = ChecksumState::kNone;
}

bool resize(Packet& packet, std::uint32_t length) {
  const std::uint32_t old = packet.len();
  if (length == old) return true;
  if (length < old) {
    packet.trim(length);
  } else if (!packet.reserve(0, length - old) || !packet.append_zero(length - old)) {
    return false;
  }
  adjust_checksum(packet);
  return true;
}

std::int64_t skb_change_tail(RunContext& run, ContextPointer, std::uint32_t length, std::uint64_t flags) {
  Packet& packet = *run.packet;
  if (flags != 0 || length > kMaxLength || length < least_length(packet)) return -EINVAL;
  if (packet.meta.encapsulation) return -kENOTSUPP;
  packet.set_linear_len(packet.len());
  const bool done = resize(packet, length);
  if (done && packet.meta.gso.size != 0) packet.meta.gso = {};  // skb_is_gso
  run.packet_moved();
  return done ? 0 : -ENOMEM;
}

std::int64_t skb_change_head(RunContext& run, ContextPointer, std::uint32_t room, std::uint64_t flags) {
  Packet& packet = *run.packet;
  const std::uint64_t length = std::uint64_t{packet.len()} + room;
  const bool too_long = packet.meta.gso.size == 0 && length > kMaxLength;
  if (flags != 0 || static_cast<std::int32_t>(room) < 0 || too_long) return -EINVAL;
  if (!push_head(packet, room)) return -ENOMEM;
  std::memset(packet.data(), 0, room);
  packet.set_mac_header();
  reset_mac_len(packet);
  run.packet_moved();
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 38,
     .name = "skb_change_tail",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<skb_change_tail>},
    {.number = 43,
     .name = "skb_change_head",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<skb_change_head>},
};

}  // namespace

std::span<const Helper> packet_shape_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
