#include "host/vnet_header.h"

#include <algorithm>
#include <utility>

#include "packet/headers.h"

namespace netkit::host {
namespace {

struct GsoPair {
  std::uint8_t vnet;
  GsoType packet;
};
constexpr GsoPair kGsoKinds[] = {
    {VnetHeader::kGsoTcp4, kGsoTcp4}, {VnetHeader::kGsoTcp6, kGsoTcp6}, {VnetHeader::kGsoUdpL4, kGsoUdpL4}};

// What says how the segments look but not of which kind they are: the kernel sets DODGY itself, and a fixed
// IPv4 id cannot be told.
constexpr std::uint32_t kNotAKind = kGsoDodgy | kGsoTcpEcn | kGsoTcpFixedId;

std::uint32_t packet_gso(std::uint8_t vnet) {
  const auto kind = static_cast<std::uint8_t>(vnet & ~VnetHeader::kGsoEcn);
  const auto* const pair = std::ranges::find(kGsoKinds, kind, &GsoPair::vnet);
  if (pair == std::end(kGsoKinds)) return kGsoNone;
  return pair->packet | ((vnet & VnetHeader::kGsoEcn) != 0 ? kGsoTcpEcn : kGsoNone);
}

std::optional<std::uint8_t> vnet_gso(std::uint32_t packet) {
  const auto* const pair = std::ranges::find(kGsoKinds, packet & ~kNotAKind, &GsoPair::packet);
  if (pair == std::end(kGsoKinds)) return std::nullopt;
  return static_cast<std::uint8_t>(pair->vnet | ((packet & kGsoTcpEcn) != 0 ? VnetHeader::kGsoEcn : 0));
}

// Bytes in front of the payload of a super-packet whose transport header is at `transport`.
std::uint32_t headers_of(const Packet& packet, std::uint32_t transport) {
  if ((packet.meta.gso.type & kGsoUdpL4) != 0) return transport + UdpHeader::kSize;
  const auto tcp = read_header<TcpHeader>(packet.bytes().subspan(transport));
  return transport + (tcp ? tcp->length() : TcpHeader::kSize);
}

}  // namespace

bool read_vnet_header(const VnetHeader& header, Packet& packet) {
  if ((header.flags & VnetHeader::kNeedsCsum) != 0) {
    const std::uint32_t field = std::uint32_t{header.csum_start} + header.csum_offset;
    if (field + sizeof(Be16) > packet.len()) return false;
    packet.meta.csum = {.state = ChecksumState::kPartial,
                        .start = packet.at(header.csum_start),
                        .offset = header.csum_offset};
  } else if ((header.flags & VnetHeader::kDataValid) != 0) {
    packet.meta.csum = {.state = ChecksumState::kUnnecessary};
  }
  if (header.gso_type == VnetHeader::kGsoNone) return true;
  const std::uint32_t type = packet_gso(header.gso_type);
  if (type == kGsoNone || header.gso_size == 0) return false;
  packet.meta.gso = {.type = type, .size = header.gso_size};
  return true;
}

std::optional<VnetHeader> make_vnet_header(const Packet& packet) {
  VnetHeader header;
  const Checksum& checksum = packet.meta.csum;
  const std::int32_t start = packet.offset_of(checksum.start);
  if (checksum.state == ChecksumState::kPartial) {
    constexpr std::int32_t kLargest = 0xffff;
    const bool inside = start >= 0 && start <= kLargest &&
                        static_cast<std::uint32_t>(start) + checksum.offset + sizeof(Be16) <= packet.len();
    if (!inside) return std::nullopt;
    header.flags = VnetHeader::kNeedsCsum;
    header.csum_start = static_cast<std::uint16_t>(start);
    header.csum_offset = checksum.offset;
  } else if (checksum.state == ChecksumState::kUnnecessary) {
    header.flags = VnetHeader::kDataValid;
  }
  if (packet.meta.gso.size == 0) return header;
  const auto kind = vnet_gso(packet.meta.gso.type);
  if (!kind || checksum.state != ChecksumState::kPartial) return std::nullopt;
  header.gso_type = *kind;
  header.gso_size = packet.meta.gso.size;
  header.hdr_len = static_cast<std::uint16_t>(headers_of(packet, static_cast<std::uint32_t>(start)));
  return header;
}

}  // namespace netkit::host
