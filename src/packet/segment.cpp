#include "packet/segment.h"

#include <algorithm>

namespace netkit {
namespace {

constexpr std::uint32_t kKnownTypes =
    kGsoTcp4 | kGsoDodgy | kGsoTcpEcn | kGsoTcpFixedId | kGsoTcp6 | kGsoUdpL4;
constexpr std::uint32_t kMaxSegments = 65535;

std::uint32_t segments_of(std::uint32_t payload, std::uint32_t size) {
  return std::max<std::uint32_t>(1, payload / size + (payload % size != 0 ? 1 : 0));
}

// What a partial checksum field holds, less the length of the super-packet: the kernel trusts the field (it
// may have been adjusted for translated addresses), so do we.
PartialSum pseudo_without_length(const Packet& super, const Layout& layout) {
  const std::uint8_t* transport = super.data() + layout.transport;
  if (super.meta.csum.state != ChecksumState::kPartial) return pseudo_header_sum(super.bytes(), layout, 0);
  if (layout.protocol == kIpUdp) {
    const auto udp = load_unaligned<UdpHeader>(transport);
    return sum_sub(udp.checksum.raw(), udp.length.raw());
  }
  const auto tcp = load_unaligned<TcpHeader>(transport);
  return sum_sub(tcp.checksum.raw(), Be32{super.len() - layout.transport}.raw());
}

struct Counted {
  std::uint32_t headers;  // bytes in front of the payload
  std::uint32_t segments;
};

// Nothing for what is no super-packet or cannot be read.
std::optional<Counted> count(const Packet& packet) {
  if (!is_gso(packet)) return std::nullopt;
  const auto layout = dissect(packet);
  const auto headers = layout ? layout->headers(packet.bytes()) : std::nullopt;
  if (!headers) return std::nullopt;
  const std::uint32_t segments = segments_of(packet.len() - *headers, packet.meta.gso.size);
  return Counted{*headers, std::min(kMaxSegments, segments)};
}

}  // namespace

std::uint16_t segment_count(const Packet& packet) {
  const auto counted = count(packet);
  return static_cast<std::uint16_t>(counted ? counted->segments : 1);
}

std::uint32_t wire_length(const Packet& packet) {
  const auto counted = count(packet);
  return packet.len() + (counted ? (counted->segments - 1) * counted->headers : 0);
}

std::expected<Segmenter, DropReason> Segmenter::begin(const Packet& super, SegmentChecksum checksum) {
  const Gso& gso = super.meta.gso;
  if ((gso.type & ~kKnownTypes) != 0) return std::unexpected(DropReason::kUnsupportedGso);

  const auto layout = dissect(super);
  const auto headers = layout ? layout->headers(super.bytes()) : std::nullopt;
  const bool partial = super.meta.csum.state == ChecksumState::kPartial;
  if (gso.size == 0 || !headers || layout->fragment || (gso.type & gso_type_of(*layout)) == 0 ||
      (partial && !partial_for_transport(super, *layout))) {
    return std::unexpected(DropReason::kMalformed);
  }
  const std::uint32_t segments = segments_of(super.len() - *headers, gso.size);
  if (segments > kMaxSegments) return std::unexpected(DropReason::kMalformed);

  Segmenter segmenter(super, checksum);
  segmenter.headers_ = *headers;
  segmenter.count_ = segments;
  segmenter.jumbo_ = find_jumbo_option(super.bytes(), *layout);
  const std::uint32_t removed = segmenter.jumbo_ ? kJumboOption : 0;
  segmenter.protocol_ = layout->protocol;
  const bool udp = layout->protocol == kIpUdp;
  segmenter.layers_ = {
      {{layout->family == IpFamily::kV4 ? LayerKind::kIpv4 : LayerKind::kIpv6, layout->network},
       {udp ? LayerKind::kUdp : LayerKind::kTcp, layout->transport - removed}}};
  segmenter.has_checksum_ =
      !udp || partial || load_unaligned<UdpHeader>(super.data() + layout->transport).checksum != Be16{};
  segmenter.pseudo_ = pseudo_without_length(super, *layout);
  return segmenter;
}

PacketPtr Segmenter::next(PacketPool& pool) {
  const std::uint32_t size = super_->meta.gso.size;
  const std::uint32_t from = headers_ + made_ * size;
  const std::uint32_t payload = std::min(size, super_->len() - from);
  const std::uint32_t headers = headers_ - (jumbo_ ? kJumboOption : 0);
  PacketPtr packet = pool.allocate(headers + payload);
  if (packet == nullptr) return nullptr;

  std::uint8_t* data = packet->data();
  copy_headers(data);
  std::memcpy(data + headers, super_->data() + from, payload);
  packet->meta = super_->meta;
  PacketMeta& meta = packet->meta;
  meta.gso = {};
  meta.csum = {};
  meta.meta_len = 0;
  meta.wire_len = 0;
  if (meta.mac_header != kUnset) packet->set_mac_header(0);
  packet->set_network_header(static_cast<std::int32_t>(layers_[0].offset));
  packet->set_transport_header(static_cast<std::int32_t>(layers_[1].offset));
  meta.inner_mac_header = meta.inner_network_header = meta.inner_transport_header = kUnset;

  for (const Layer& layer : layers_) adjust(layer, data + layer.offset, packet->len() - layer.offset);
  ++made_;
  if (!has_checksum_) return packet;
  set_partial_checksum(*packet, layers_[1].offset, checksum_offset(protocol_));
  // The positions were checked by begin.
  if (checksum_ == SegmentChecksum::kComplete) static_cast<void>(complete_checksum(*packet));
  return packet;
}

// The headers without the jumbo option, which a segment has no use for.
void Segmenter::copy_headers(std::uint8_t* to) const {
  const std::uint8_t* from = super_->data();
  if (!jumbo_) {
    std::memcpy(to, from, headers_);
    return;
  }
  std::memcpy(to, from, *jumbo_);
  std::memcpy(to + *jumbo_, from + *jumbo_ + kJumboOption, headers_ - *jumbo_ - kJumboOption);
  auto ip = load_unaligned<Ipv6Header>(to + layers_[0].offset);
  ip.next_header = from[*jumbo_];
  write_header(to + layers_[0].offset, ip);
}

// Corrects the header at `at`, from where on the segment has `length` bytes.
void Segmenter::adjust(const Layer& layer, std::uint8_t* at, std::uint32_t length) const {
  const bool last = made_ + 1 == count_;
  switch (layer.kind) {
    case LayerKind::kIpv4: {
      auto ip = load_unaligned<Ipv4Header>(at);
      ip.total_length = Be16{static_cast<std::uint16_t>(length)};
      if ((super_->meta.gso.type & kGsoTcpFixedId) == 0) {
        ip.id = Be16{static_cast<std::uint16_t>(ip.id.host() + made_)};
      }
      write_header(at, ip);
      ip.checksum = ipv4_header_checksum({at, ip.length()});
      write_header(at, ip);
      return;
    }
    case LayerKind::kIpv6: {
      auto ip = load_unaligned<Ipv6Header>(at);
      ip.payload_length = Be16{static_cast<std::uint16_t>(length - Ipv6Header::kSize)};
      write_header(at, ip);
      return;
    }
    case LayerKind::kTcp: {
      auto tcp = load_unaligned<TcpHeader>(at);
      tcp.seq = Be32{tcp.seq.host() + made_ * super_->meta.gso.size};
      if (!last) tcp.flags &= static_cast<std::uint8_t>(~(TcpHeader::kFin | TcpHeader::kPsh));
      if (made_ != 0) tcp.flags &= static_cast<std::uint8_t>(~TcpHeader::kCwr);
      tcp.checksum = pseudo_for(length);
      write_header(at, tcp);
      return;
    }
    case LayerKind::kUdp: {
      auto udp = load_unaligned<UdpHeader>(at);
      udp.length = Be16{static_cast<std::uint16_t>(length)};
      udp.checksum = has_checksum_ ? pseudo_for(length) : Be16{};
      write_header(at, udp);
      return;
    }
  }
}

Be16 Segmenter::pseudo_for(std::uint32_t length) const {
  return Be16::from_raw(fold(sum_add(pseudo_, Be32{length}.raw())));
}

}  // namespace netkit
