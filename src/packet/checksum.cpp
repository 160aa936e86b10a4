#include "packet/checksum.h"

#include <optional>

namespace netkit {
namespace {

// One's complement addition of 64-bit words: the carry comes back in at the bottom.
constexpr std::uint64_t add64(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum + (sum < b ? 1U : 0U);
}

constexpr PartialSum fold64(std::uint64_t sum) {
  sum = (sum & 0xffff'ffffU) + (sum >> 32U);
  return static_cast<PartialSum>(sum + (sum >> 32U));
}

std::uint64_t load64(const std::uint8_t* at) {
  return load_unaligned<std::uint64_t>(at);
}

// How many bytes of IP payload the IP header announces; nothing when that does not fit into `bytes`.
std::optional<std::uint32_t> payload_length(std::span<const std::uint8_t> bytes, const Layout& layout) {
  const auto present = static_cast<std::uint32_t>(bytes.size()) - layout.transport;
  const std::uint8_t* ip = bytes.data() + layout.network;
  std::uint32_t headers = layout.transport - layout.network;
  std::uint32_t announced = 0;
  if (layout.family == IpFamily::kV4) {
    announced = load_unaligned<Ipv4Header>(ip).total_length.host();
  } else {
    announced = load_unaligned<Ipv6Header>(ip).payload_length.host();
    headers -= Ipv6Header::kSize;
  }
  if (announced == 0) return present;  // BIG TCP
  if (announced < headers || announced - headers > present) return std::nullopt;
  return announced - headers;
}

}  // namespace

PartialSum sum_of(std::span<const std::uint8_t> bytes, PartialSum start) {
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t sum = start;
  // Four independent chains: additions with carry would wait for each other in one.
  if (left >= 32) {
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    std::uint64_t d = 0;
    for (; left >= 32; at += 32, left -= 32) {
      sum = add64(sum, load64(at));
      b = add64(b, load64(at + 8));
      c = add64(c, load64(at + 16));
      d = add64(d, load64(at + 24));
    }
    sum = add64(add64(sum, b), add64(c, d));
  }
  for (; left >= 8; at += 8, left -= 8) sum = add64(sum, load64(at));
  if (left > 0) {
    std::uint64_t rest = 0;
    std::memcpy(&rest, at, left);
    sum = add64(sum, rest);
  }
  return fold64(sum);
}

PartialSum pseudo_header_sum(Be32 source, Be32 destination, std::uint8_t protocol, std::uint32_t length) {
  const std::uint64_t sum =
      std::uint64_t{source.raw()} + destination.raw() + Be32{protocol}.raw() + Be32{length}.raw();
  return fold64(sum);
}

PartialSum pseudo_header_sum(const Ipv6Bytes& source, const Ipv6Bytes& destination, std::uint8_t protocol,
                             std::uint32_t length) {
  const PartialSum rest = fold64(std::uint64_t{Be32{protocol}.raw()} + Be32{length}.raw());
  return sum_of(destination, sum_of(source, rest));
}

PartialSum pseudo_header_sum(std::span<const std::uint8_t> bytes, const Layout& layout,
                             std::uint32_t length) {
  const std::uint8_t* ip = bytes.data() + layout.network;
  if (layout.family == IpFamily::kV4) {
    const auto header = load_unaligned<Ipv4Header>(ip);
    return pseudo_header_sum(header.source, header.destination, layout.protocol, length);
  }
  const auto header = load_unaligned<Ipv6Header>(ip);
  return pseudo_header_sum(header.source, header.destination, layout.protocol, length);
}

Be16 ipv4_header_checksum(std::span<const std::uint8_t> header) {
  const auto present = load_unaligned<Ipv4Header>(header.data()).checksum;
  return finish(sum_sub(sum_of(header), present.raw()));
}

void set_partial_checksum(Packet& packet, std::uint32_t start, std::uint16_t offset) {
  packet.meta.csum = {.state = ChecksumState::kPartial,
                      .start = packet.at(static_cast<std::int32_t>(start)),
                      .offset = offset};
}

bool partial_for_transport(const Packet& packet, const Layout& layout) {
  const Checksum& csum = packet.meta.csum;
  return packet.offset_of(csum.start) == static_cast<std::int32_t>(layout.transport) &&
         csum.offset == checksum_offset(layout.protocol);
}

bool complete_checksum(Packet& packet) {
  Checksum& csum = packet.meta.csum;
  if (csum.state != ChecksumState::kPartial) return true;
  const std::int32_t start = packet.offset_of(csum.start);
  if (start < 0 || static_cast<std::uint32_t>(start) > packet.len()) return false;
  const auto covered = packet.bytes().subspan(static_cast<std::uint32_t>(start));
  if (csum.offset + sizeof(Be16) > covered.size()) return false;
  store_unaligned(covered.data() + csum.offset, never_zero(finish(sum_of(covered))));
  csum = {};
  return true;
}

ChecksumVerdict verify_transport_checksum(std::span<const std::uint8_t> bytes, const Layout& layout) {
  if (layout.fragment || layout.transport > bytes.size()) return ChecksumVerdict::kUnknown;
  const auto length = payload_length(bytes, layout);
  if (!length) return ChecksumVerdict::kUnknown;
  auto segment = bytes.subspan(layout.transport, *length);
  PartialSum pseudo = 0;
  switch (layout.protocol) {
    case kIpTcp:
      if (segment.size() < TcpHeader::kSize) return ChecksumVerdict::kUnknown;
      pseudo = pseudo_header_sum(bytes, layout, *length);
      break;
    case kIpUdp: {
      const auto udp = read_header<UdpHeader>(segment);
      if (!udp || udp->length.host() < UdpHeader::kSize || udp->length.host() > segment.size()) {
        return ChecksumVerdict::kUnknown;
      }
      if (udp->checksum == Be16{}) {
        return layout.family == IpFamily::kV4 ? ChecksumVerdict::kAbsent : ChecksumVerdict::kWrong;
      }
      segment = segment.first(udp->length.host());
      pseudo = pseudo_header_sum(bytes, layout, udp->length.host());
      break;
    }
    case kIpIcmp:
      if (segment.size() < IcmpHeader::kSize) return ChecksumVerdict::kUnknown;
      break;
    case kIpIcmpv6:
      if (segment.size() < IcmpHeader::kSize) return ChecksumVerdict::kUnknown;
      pseudo = pseudo_header_sum(bytes, layout, *length);
      break;
    default:
      return ChecksumVerdict::kUnknown;
  }
  return fold(sum_of(segment, pseudo)) == 0xffff ? ChecksumVerdict::kCorrect : ChecksumVerdict::kWrong;
}

}  // namespace netkit
