// Software segmentation: cuts a super-packet (GSO metadata) into the packets that it stands for, as the
// kernel's skb_gso_segment does for TCP over IPv4 and IPv6 and for UDP (UDP_SEGMENT), behind VLAN tags and
// IPv6 extension headers, up to BIG TCP sizes.
//
// Theory of operation. `begin` finds the layers whose fields depend on the length or number of a segment,
// from the outside to the inside, and checks that headers and metadata agree. `next` then makes one segment
// after the other: copies the headers and a piece of the payload, and lets each layer correct its fields. A
// kind of tunnel is one more kind of layer; packets with tunnel bits are refused until there is one.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>

#include "packet/checksum.h"
#include "packet/drop_reason.h"
#include "packet/jumbo.h"
#include "packet/packet.h"
#include "packet/pool.h"

namespace netkit {

[[nodiscard]] inline bool is_gso(const Packet& packet) {
  return packet.meta.gso.size != 0;
}

// The kind of super-packet that TCP or UDP make over this IP header.
[[nodiscard]] constexpr GsoType gso_type_of(const Layout& layout) {
  if (layout.protocol == kIpUdp) return kGsoUdpL4;
  return layout.family == IpFamily::kV4 ? kGsoTcp4 : kGsoTcp6;
}

// How many packets a super-packet stands for (gso_segs), by its headers, payload and GSO size; 1 for any
// other packet and for one whose headers cannot be read.
[[nodiscard]] std::uint16_t segment_count(const Packet& packet);

// What the packet will take on a wire: its length, and the headers once more for each further segment
// (qdisc_pkt_len_segs_init).
[[nodiscard]] std::uint32_t wire_length(const Packet& packet);

// What becomes of the transport checksums of the segments.
enum class SegmentChecksum : std::uint8_t { kPartial, kComplete };

class Segmenter {
 public:
  // `super` must outlive the segmenter and keep its bytes. Refused (kMalformed) when its headers and metadata
  // contradict each other, (kUnsupportedGso) when there is no segmentation for its kind.
  [[nodiscard]] static std::expected<Segmenter, DropReason> begin(const Packet& super,
                                                                  SegmentChecksum checksum);

  [[nodiscard]] bool done() const { return made_ == count_; }
  [[nodiscard]] std::uint32_t count() const { return count_; }
  // The next segment; its metadata are those of the super-packet, without GSO. Null: the pool has none.
  [[nodiscard]] PacketPtr next(PacketPool& pool);

 private:
  enum class LayerKind : std::uint8_t { kIpv4, kIpv6, kTcp, kUdp };
  struct Layer {
    LayerKind kind;
    std::uint32_t offset;
  };
  Segmenter(const Packet& super, SegmentChecksum checksum) : super_(&super), checksum_(checksum) {}

  void copy_headers(std::uint8_t* to) const;
  void adjust(const Layer& layer, std::uint8_t* at, std::uint32_t length) const;
  [[nodiscard]] Be16 pseudo_for(std::uint32_t length) const;

  const Packet* super_;
  SegmentChecksum checksum_;
  std::array<Layer, 2> layers_{};
  std::uint8_t protocol_ = 0;           // of the transport header
  std::uint32_t headers_ = 0;           // bytes in front of the payload
  std::optional<std::uint32_t> jumbo_;  // where the jumbo option is
  std::uint32_t count_ = 0;
  std::uint32_t made_ = 0;
  bool has_checksum_ = true;  // false: UDP over IPv4 without one
  PartialSum pseudo_ = 0;     // of the pseudo header without the length
};

// Cuts `super` completely; `take` gets each segment in order. The number of segments, or why there are none
// (or not all: kNoMemory).
template <class Take>
[[nodiscard]] std::expected<std::uint32_t, DropReason> segment(const Packet& super, PacketPool& pool,
                                                               SegmentChecksum checksum, Take take) {
  auto segmenter = Segmenter::begin(super, checksum);
  if (!segmenter) return std::unexpected(segmenter.error());
  while (!segmenter->done()) {
    PacketPtr packet = segmenter->next(pool);
    if (packet == nullptr) return std::unexpected(DropReason::kNoMemory);
    take(std::move(packet));
  }
  return segmenter->count();
}

}  // namespace netkit
