// The sending half of an end host.
#include <algorithm>

#include "packet/dissect.h"
#include "packet/segment.h"
#include "port/end_host.h"

namespace netkit {
namespace {

constexpr std::size_t kLongestPayload = 65535 - Ipv4Header::kSize;
constexpr std::size_t kLongestSuperPacket = kMaxPacket - 256;  // and headers
constexpr std::size_t kMostWaiting = 64;

bool is_ipv6_group(const IpAddress& address) {
  return address.is_v6() && address.storage[0] == 0xff;
}

// RFC 2464 section 7.
MacAddress group_mac(const IpAddress& group) {
  return {{0x33, 0x33, group.storage[12], group.storage[13], group.storage[14], group.storage[15]}};
}

std::uint32_t header_size(const IpDatagram& datagram) {
  return datagram.destination.is_v4() ? Ipv4Header::kSize : Ipv6Header::kSize;
}

GsoType gso_type(const IpDatagram& datagram) {
  if (datagram.protocol == kIpUdp) return kGsoUdpL4;
  return datagram.destination.is_v4() ? kGsoTcp4 : kGsoTcp6;
}

// Lengths that do not fit are written as 0 (BIG TCP).
Be16 length_field(std::size_t length) {
  return Be16(length > 0xffff ? std::uint16_t{0} : static_cast<std::uint16_t>(length));
}

}  // namespace

EndHost::EndHost(EndHostOptions options, Port& port, PacketPool& pool)
    : options_(std::move(options)), port_(&port), pool_(&pool) {}

bool EndHost::owns(const IpAddress& address) const {
  return std::ranges::any_of(options_.addresses, [&](const IpPrefix& own) { return own.address == address; });
}

std::optional<IpAddress> EndHost::source_for(const IpAddress& destination) const {
  std::optional<IpAddress> source;
  for (const IpPrefix& own : options_.addresses) {
    if (own.contains(destination)) return own.address;
    if (!source && own.address.family == destination.family) source = own.address;
  }
  return source;
}

IpAddress EndHost::next_hop(const IpAddress& destination) const {
  const auto on_link = [&](const IpPrefix& own) { return own.contains(destination); };
  if (std::ranges::any_of(options_.addresses, on_link)) return destination;
  const auto gateway = std::ranges::find(options_.gateways, destination.family, &IpAddress::family);
  return gateway == options_.gateways.end() ? destination : *gateway;
}

bool EndHost::send(const IpAddress& to, std::uint8_t protocol, std::vector<std::uint8_t> payload,
                   std::uint16_t gso_size) {
  const auto source = source_for(to);
  if (!source || payload.size() > (gso_size != 0 ? kLongestSuperPacket : kLongestPayload)) return false;
  route({.source = *source, .destination = to, .protocol = protocol, .payload = std::move(payload)},
        gso_size);
  return true;
}

void EndHost::route(IpDatagram datagram, std::uint16_t gso_size) {
  if (is_l3()) return transmit(std::move(datagram), gso_size, MacAddress{});
  if (is_ipv6_group(datagram.destination)) {
    const MacAddress to = group_mac(datagram.destination);
    return transmit(std::move(datagram), gso_size, to);
  }
  const IpAddress hop = next_hop(datagram.destination);
  if (const auto mac = neighbour(hop)) return transmit(std::move(datagram), gso_size, *mac);
  if (waiting_.size() == kMostWaiting) waiting_.pop_front();
  waiting_.push_back({hop, std::move(datagram), gso_size});
  solicit(hop);
}

void EndHost::transmit(IpDatagram datagram, std::uint16_t gso_size, const MacAddress& to) {
  if (gso_size == 0 && datagram.payload.size() + header_size(datagram) > options_.mtu) {
    fill_checksum(datagram);  // of the whole datagram
    return transmit_fragments(datagram, to);
  }
  const auto place = checksum_place(datagram);
  const bool transport = datagram.protocol == kIpTcp || datagram.protocol == kIpUdp;
  const bool partial = place && transport && (gso_size != 0 || options_.partial_checksums);
  if (partial)
    store_unaligned(datagram.payload.data() + place->offset, Be16::from_raw(fold(pseudo_sum(datagram))));
  else
    fill_checksum(datagram);
  PacketPtr packet = frame(datagram, datagram.payload, std::nullopt, to);
  if (packet == nullptr) return;
  if (partial) set_partial_checksum(*packet, EthernetHeader::kSize + header_size(datagram), place->offset);
  if (gso_size != 0) {
    packet->meta.gso = {.type = gso_type(datagram), .size = gso_size, .segs = 0};
    packet->meta.gso.segs = segment_count(*packet);
  }
  send_packet(std::move(packet));
}

void EndHost::transmit_fragments(const IpDatagram& datagram, const MacAddress& to) {
  const std::uint32_t headers =
      header_size(datagram) + (datagram.destination.is_v6() ? Ipv6FragmentHeader::kSize : 0);
  const std::uint32_t room = (options_.mtu - headers) & ~7U;
  const std::span<const std::uint8_t> payload = datagram.payload;
  const std::uint32_t id = next_id_++;
  for (std::uint32_t offset = 0; offset < payload.size(); offset += room) {
    const auto piece = payload.subspan(offset, std::min<std::size_t>(room, payload.size() - offset));
    const Fragment fragment{.id = id, .offset = offset, .more = offset + piece.size() < payload.size()};
    PacketPtr packet = frame(datagram, piece, fragment, to);
    if (packet != nullptr) send_packet(std::move(packet));
  }
}

PacketPtr EndHost::frame(const IpDatagram& datagram, std::span<const std::uint8_t> piece,
                         const std::optional<Fragment>& fragment, const MacAddress& to) {
  const bool v4 = datagram.destination.is_v4();
  const std::uint32_t ip_length = header_size(datagram) + (fragment && !v4 ? Ipv6FragmentHeader::kSize : 0);
  const std::uint32_t headers = EthernetHeader::kSize + ip_length;
  PacketPtr packet = pool_->allocate(headers + static_cast<std::uint32_t>(piece.size()));
  if (packet == nullptr) {
    ++counters_.no_buffer;
    return nullptr;
  }
  write_header(
      packet->data(),
      EthernetHeader{.destination = to, .source = options_.mac, .proto = v4 ? kProtoIpv4 : kProtoIpv6});
  std::uint8_t* ip = packet->data() + EthernetHeader::kSize;
  if (v4)
    write_ipv4(ip, datagram, fragment, piece.size());
  else
    write_ipv6(ip, datagram, fragment, ip_length - Ipv6Header::kSize + piece.size());
  std::ranges::copy(piece, packet->data() + headers);
  if (!parse_headers(*packet, options_.mac)) return nullptr;
  packet->meta.pkt_type = PacketType::kHost;  // as everything that a stack sends
  return packet;
}

void EndHost::write_ipv4(std::uint8_t* at, const IpDatagram& datagram,
                         const std::optional<Fragment>& fragment, std::size_t payload) {
  const std::uint32_t id = fragment ? fragment->id : next_id_++;
  const std::uint32_t flags = !fragment        ? Ipv4Header::kDontFragment
                              : fragment->more ? Ipv4Header::kMoreFragments
                                               : 0U;
  Ipv4Header ip{
      .total_length = length_field(Ipv4Header::kSize + payload),
      .id = Be16(static_cast<std::uint16_t>(id)),
      .flags_offset = Be16(static_cast<std::uint16_t>(flags | (fragment ? fragment->offset / 8 : 0))),
      .ttl = datagram.hop_limit,
      .protocol = datagram.protocol,
      .source = load_unaligned<Be32>(datagram.source.storage.data()),
      .destination = load_unaligned<Be32>(datagram.destination.storage.data())};
  write_header(at, ip);
  ip.checksum = ipv4_header_checksum({at, Ipv4Header::kSize});
  write_header(at, ip);
}

void EndHost::write_ipv6(std::uint8_t* at, const IpDatagram& datagram,
                         const std::optional<Fragment>& fragment, std::size_t payload) {
  write_header(at, Ipv6Header{.payload_length = length_field(payload),
                              .next_header = fragment ? std::uint8_t{kIpFragment} : datagram.protocol,
                              .hop_limit = datagram.hop_limit,
                              .source = datagram.source.storage,
                              .destination = datagram.destination.storage});
  if (!fragment) return;
  const std::uint32_t offset_more = fragment->offset | (fragment->more ? 1U : 0U);
  write_header(at + Ipv6Header::kSize,
               Ipv6FragmentHeader{.next_header = datagram.protocol,
                                  .offset_more = Be16(static_cast<std::uint16_t>(offset_more)),
                                  .id = Be32(fragment->id)});
}

void EndHost::send_packet(PacketPtr packet) {
  PacketBatch batch;
  batch.push(std::move(packet));
  port_->send(batch);
}

}  // namespace netkit
