#include "port/datagram.h"

namespace netkit {

std::optional<ChecksumPlace> checksum_place(const IpDatagram& datagram) {
  std::optional<ChecksumPlace> place;
  switch (datagram.protocol) {
    case kIpTcp:
      place = {.offset = TcpHeader::kChecksumOffset, .pseudo_header = true};
      break;
    case kIpUdp:
      place = {.offset = UdpHeader::kChecksumOffset, .pseudo_header = true};
      break;
    case kIpIcmp:
      place = {.offset = IcmpHeader::kChecksumOffset, .pseudo_header = false};
      break;
    case kIpIcmpv6:
      place = {.offset = IcmpHeader::kChecksumOffset, .pseudo_header = true};
      break;
    default:
      return std::nullopt;
  }
  return place->offset + sizeof(Be16) <= datagram.payload.size() ? place : std::nullopt;
}

PartialSum pseudo_sum(const IpDatagram& datagram) {
  const auto length = static_cast<std::uint32_t>(datagram.payload.size());
  if (datagram.source.is_v6())
    return pseudo_header_sum(datagram.source.storage, datagram.destination.storage, datagram.protocol,
                             length);
  return pseudo_header_sum(load_unaligned<Be32>(datagram.source.storage.data()),
                           load_unaligned<Be32>(datagram.destination.storage.data()), datagram.protocol,
                           length);
}

bool checksum_correct(const IpDatagram& datagram) {
  const auto place = checksum_place(datagram);
  if (!place) return true;
  const auto field = load_unaligned<Be16>(datagram.payload.data() + place->offset);
  if (datagram.protocol == kIpUdp && datagram.source.is_v4() && field == Be16{}) return true;
  return fold(sum_of(datagram.payload, place->pseudo_header ? pseudo_sum(datagram) : 0)) == 0xffff;
}

void fill_checksum(IpDatagram& datagram) {
  const auto place = checksum_place(datagram);
  if (!place) return;
  std::uint8_t* field = datagram.payload.data() + place->offset;
  store_unaligned(field, Be16{});
  const Be16 checksum = finish(sum_of(datagram.payload, place->pseudo_header ? pseudo_sum(datagram) : 0));
  store_unaligned(field, datagram.protocol == kIpUdp ? never_zero(checksum) : checksum);
}

}  // namespace netkit
