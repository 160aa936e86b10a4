// Steps that the packet helpers share. Whatever a helper does to a packet, run.packet_moved() follows.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/run/context.h"
#include "packet/checksum.h"
#include "packet/packet.h"

namespace netkit::bpf {

// Makes the first n bytes linear (bpf_try_make_writable; our packets are never shared). False: the packet is
// shorter, which helpers report as EFAULT or ENOMEM.
[[nodiscard]] inline bool make_writable(RunContext& run, std::uint64_t n) {
  if (n > run.packet->len()) return false;
  const bool done = run.packet->make_linear(static_cast<std::uint32_t>(n));
  run.packet_moved();
  return done;
}

// Keeps the sum of a packet with a complete checksum in step with bytes that come and go. `offset` is theirs
// from where the sum begins; only whether it is odd matters. Bytes were added (__skb_postpush_rcsum).
inline void count_in(Packet& packet, std::span<const std::uint8_t> bytes, std::uint32_t offset = 0) {
  Checksum& csum = packet.meta.csum;
  if (csum.state == ChecksumState::kComplete) csum.sum = sum_add_block(csum.sum, sum_of(bytes), offset);
}
// Bytes are about to go (__skb_postpull_rcsum). A checksum still to be computed that began in front of data
// is given up.
inline void count_out(Packet& packet, std::span<const std::uint8_t> bytes, std::uint32_t offset = 0) {
  Checksum& csum = packet.meta.csum;
  if (csum.state == ChecksumState::kComplete) {
    csum.sum = sum_add_block(csum.sum, ~sum_of(bytes), offset);
  } else if (csum.state == ChecksumState::kPartial && packet.offset_of(csum.start) < 0) {
    csum.state = ChecksumState::kNone;
  }
}

// Adds n bytes in front, contents undefined; the metadata area keeps its place in front of data. False: no
// memory.
[[nodiscard]] bool push_head(Packet& packet, std::uint32_t n);

// Makes room for n bytes of zeros at `offset` from data, which is the MAC header; what stands in front of it
// moves, with the positions of MAC and network header (bpf_skb_net_hdr_push). False: no memory.
[[nodiscard]] bool insert_room(Packet& packet, std::uint32_t offset, std::uint32_t n);
// Takes n bytes at `offset` out, the other way round (bpf_skb_net_hdr_pop). False: the packet is shorter.
[[nodiscard]] bool remove_room(Packet& packet, std::uint32_t offset, std::uint32_t n);

// BPF_SKB_MAX_LEN on x86-64: four pages less what the kernel keeps behind a buffer.
inline constexpr std::uint32_t kMaxLength = 4 * 4096 - 320;

// The MAC length follows from the MAC and network header (skb_reset_mac_len).
inline void reset_mac_len(Packet& packet) {
  PacketMeta& meta = packet.meta;
  if (meta.mac_header == kUnset || meta.network_header == kUnset) return;
  meta.mac_len = static_cast<std::uint16_t>(meta.network_header - meta.mac_header);
}

// The flow hash is not known any more (skb_clear_hash).
inline void clear_hash(Packet& packet) {
  packet.meta.hash = 0;
  packet.meta.l4_hash = packet.meta.sw_hash = false;
}

}  // namespace netkit::bpf
