#include "packet/coalesce.h"

#include <algorithm>
#include <initializer_list>
#include <tuple>

#include "packet/checksum.h"
#include "packet/flow_hash.h"
#include "packet/segment.h"

namespace netkit {
namespace {

constexpr std::uint8_t kMergeableFlags =
    TcpHeader::kAck | TcpHeader::kPsh | TcpHeader::kFin | TcpHeader::kEce;
constexpr std::uint8_t kLastFlags = TcpHeader::kPsh | TcpHeader::kFin;

template <class T>
T load_at(const Packet& packet, std::uint32_t offset) {
  return load_unaligned<T>(packet.data() + offset);
}
template <class T>
void store_at(Packet& packet, std::uint32_t offset, const T& value) {
  store_unaligned(packet.data() + offset, value);
}

// The end of the IP packet by its own length field, from data; 0: longer than the bytes, or BIG TCP.
std::uint32_t end_of_ip(const Packet& packet, const Layout& layout) {
  const std::uint32_t announced =
      layout.family == IpFamily::kV4
          ? load_at<Ipv4Header>(packet, layout.network).total_length.host()
          : load_at<Ipv6Header>(packet, layout.network).payload_length.host() + Ipv6Header::kSize;
  return announced <= packet.len() - layout.network ? layout.network + announced : 0;
}

bool checksums_right(const Packet& packet, const Layout& layout) {
  if (layout.family == IpFamily::kV4 &&
      !ipv4_header_correct(packet.range(layout.network, layout.transport - layout.network))) {
    return false;
  }
  switch (packet.meta.csum.state) {
    case ChecksumState::kPartial:
      return partial_for_transport(packet, layout);
    case ChecksumState::kUnnecessary:
      return true;
    case ChecksumState::kNone:
    case ChecksumState::kComplete:
      break;
  }
  return verify_transport_checksum(packet.bytes(), layout) == ChecksumVerdict::kCorrect;
}

struct Range {
  std::uint32_t from;
  std::uint32_t to;
};

bool same_bytes(const Packet& a, const Packet& b, std::uint32_t base, std::initializer_list<Range> ranges) {
  return std::ranges::all_of(ranges, [&](Range range) {
    return std::memcmp(a.data() + base + range.from, b.data() + base + range.from, range.to - range.from) ==
           0;
  });
}

// Equal apart from lengths, checksums, ids, sequence number and the flags that end a super-packet.
bool same_headers(const Packet& a, const Packet& b, const Layout& layout, std::uint32_t headers) {
  if (std::memcmp(a.data(), b.data(), layout.network) != 0) return false;
  const std::uint32_t ip = layout.transport - layout.network;
  const bool same_ip = layout.family == IpFamily::kV4
                           ? same_bytes(a, b, layout.network, {{0, 2}, {6, 10}, {12, ip}})
                           : same_bytes(a, b, layout.network, {{0, 4}, {6, ip}});
  if (!same_ip) return false;
  if (layout.protocol == kIpUdp) return same_bytes(a, b, layout.transport, {{0, 4}});
  const auto flags = [&](const Packet& p) {
    return load_at<TcpHeader>(p, layout.transport).flags & static_cast<std::uint8_t>(~kLastFlags);
  };
  return flags(a) == flags(b) &&
         same_bytes(a, b, layout.transport, {{0, 4}, {8, 13}, {14, 16}, {18, headers - layout.transport}});
}

bool same_metadata(const PacketMeta& a, const PacketMeta& b) {
  const auto key = [](const PacketMeta& m) {
    return std::tuple(m.dev, m.ifindex, m.protocol, m.pkt_type, m.mark, m.priority, m.queue_mapping,
                      m.vlan.present, m.vlan.proto, m.vlan.tci);
  };
  return key(a) == key(b);
}

// An id means something only where the packet may be fragmented (RFC 6864): there it must count on.
bool id_follows(const Packet& head, const Packet& next, const Layout& layout, std::uint16_t segments) {
  if (layout.family == IpFamily::kV6) return true;
  const auto first = load_at<Ipv4Header>(head, layout.network);
  const auto ip = load_at<Ipv4Header>(next, layout.network);
  return ip.dont_fragment() || ip.id.host() == static_cast<std::uint16_t>(first.id.host() + segments);
}

void set_ip_length(Packet& packet, const Layout& layout) {
  const auto length = packet.len() - layout.network;
  if (layout.family == IpFamily::kV6) {
    auto ip = load_at<Ipv6Header>(packet, layout.network);
    ip.payload_length = Be16{static_cast<std::uint16_t>(length - Ipv6Header::kSize)};
    return store_at(packet, layout.network, ip);
  }
  auto ip = load_at<Ipv4Header>(packet, layout.network);
  ip.total_length = Be16{static_cast<std::uint16_t>(length)};
  store_at(packet, layout.network, ip);
  ip.checksum = ipv4_header_checksum({packet.data() + layout.network, ip.length()});
  store_at(packet, layout.network, ip);
}

// Turns a head with several payloads behind it into a proper super-packet.
void finish_super(Packet& packet, const Layout& layout, std::uint32_t size, std::uint16_t segments) {
  set_ip_length(packet, layout);
  const std::uint32_t length = packet.len() - layout.transport;
  if (layout.protocol == kIpUdp) {
    auto udp = load_at<UdpHeader>(packet, layout.transport);
    udp.length = Be16{static_cast<std::uint16_t>(length)};
    store_at(packet, layout.transport, udp);
  }
  const std::uint16_t offset = checksum_offset(layout.protocol);
  store_at(packet, layout.transport + offset,
           Be16::from_raw(fold(pseudo_header_sum(packet.bytes(), layout, length))));
  set_partial_checksum(packet, layout.transport, offset);
  packet.meta.gso = {.type = gso_type_of(layout), .size = static_cast<std::uint16_t>(size), .segs = segments};
}

}  // namespace

bool Coalescer::wanted(const Layout& layout) const {
  if (layout.protocol == kIpUdp) return limits_.udp;
  return layout.family == IpFamily::kV4 ? limits_.tcp4 : limits_.tcp6;
}

std::optional<Coalescer::Candidate> Coalescer::examine(Packet& packet, const Layout& layout) const {
  if (!wanted(layout) || is_gso(packet)) return std::nullopt;
  const std::uint32_t end = end_of_ip(packet, layout);
  const auto headers = layout.headers(packet.bytes());
  if (!headers || end <= *headers) return std::nullopt;

  Candidate candidate{.layout = layout, .headers = *headers, .payload = end - *headers};
  if (layout.protocol == kIpUdp) {
    const auto udp = load_at<UdpHeader>(packet, layout.transport);
    if (udp.length.host() != end - layout.transport || udp.checksum == Be16{}) return std::nullopt;
  } else {
    const auto tcp = load_at<TcpHeader>(packet, layout.transport);
    if ((tcp.flags & ~kMergeableFlags) != 0) return std::nullopt;
    candidate.last = (tcp.flags & kLastFlags) != 0;
  }
  if (!checksums_right(packet, layout)) return std::nullopt;
  packet.trim(end);  // what pads a short frame is no payload
  return candidate;
}

bool Coalescer::joins(const Slot& slot, const Packet& packet, const Candidate& candidate) const {
  const Packet& head = *slot.head;
  const Candidate& first = slot.first;
  if (candidate.layout.family != first.layout.family || candidate.layout.protocol != first.layout.protocol ||
      candidate.layout.network != first.layout.network || candidate.headers != first.headers ||
      candidate.layout.transport != first.layout.transport || candidate.payload > first.payload ||
      slot.segments >= limits_.segments ||
      head.len() - first.layout.network + candidate.payload > limits_.bytes) {
    return false;
  }
  if (first.layout.protocol == kIpTcp) {
    const auto expected =
        load_at<TcpHeader>(head, first.layout.transport).seq.host() + head.len() - first.headers;
    if (load_at<TcpHeader>(packet, first.layout.transport).seq.host() != expected) return false;
  }
  return same_metadata(head.meta, packet.meta) && same_headers(head, packet, first.layout, first.headers) &&
         id_follows(head, packet, first.layout, slot.segments);
}

bool Coalescer::append(Slot& slot, const Packet& packet, const Candidate& candidate) {
  Packet& head = *slot.head;
  if (!head.reserve(head.headroom(), candidate.payload)) return false;
  std::memcpy(head.append(candidate.payload), packet.data() + candidate.headers, candidate.payload);
  if (candidate.last) {
    const std::uint32_t at = slot.first.layout.transport;
    auto tcp = load_at<TcpHeader>(head, at);
    tcp.flags = static_cast<std::uint8_t>(tcp.flags | (load_at<TcpHeader>(packet, at).flags & kLastFlags));
    store_at(head, at, tcp);
  }
  ++slot.segments;
  return true;
}

void Coalescer::take(PacketPtr packet) {
  const auto layout = dissect(*packet);
  if (!layout || (layout->protocol != kIpUdp && layout->protocol != kIpTcp))
    return ready_.push(std::move(packet));
  if (layout->fragment) {  // of whatever flow
    close_all();
    return ready_.push(std::move(packet));
  }
  const std::uint32_t hash = flow_hash(packet->bytes(), *layout);
  const auto candidate = examine(*packet, *layout);
  if (Slot* slot = find(hash)) {
    if (candidate && joins(*slot, *packet, *candidate) && append(*slot, *packet, *candidate)) {
      if (candidate->last || candidate->payload < slot->first.payload) close(*slot);
      return;
    }
    close(*slot);
  }
  if (!candidate || candidate->last) return ready_.push(std::move(packet));
  free_slot() = {.head = std::move(packet), .hash = hash, .first = *candidate, .segments = 1};
}

Coalescer::Slot* Coalescer::find(std::uint32_t hash) {
  const auto slot =
      std::ranges::find_if(slots_, [&](const Slot& s) { return s.hash == hash && s.head != nullptr; });
  return slot == slots_.end() ? nullptr : &*slot;
}

Coalescer::Slot& Coalescer::free_slot() {
  const auto slot = std::ranges::find_if(slots_, [](const Slot& s) { return s.head == nullptr; });
  if (slot != slots_.end()) return *slot;
  Slot& victim = slots_[oldest_];
  oldest_ = (oldest_ + 1) % kSlots;
  close(victim);
  return victim;
}

void Coalescer::close(Slot& slot) {
  if (slot.segments > 1) finish_super(*slot.head, slot.first.layout, slot.first.payload, slot.segments);
  ready_.push(std::move(slot.head));
}

void Coalescer::close_all() {
  for (Slot& slot : slots_) {
    if (slot.head != nullptr) close(slot);
  }
}

}  // namespace netkit
