// The receiving half of an end host.
#include <algorithm>
#include <array>

#include "packet/dissect.h"
#include "packet/segment.h"
#include "port/end_host.h"

namespace netkit {
namespace {

constexpr std::size_t kInboxSize = 4096;

IpAddress address_of(Be32 address) {
  std::array<std::uint8_t, sizeof address> bytes{};
  store_unaligned(bytes.data(), address);
  return IpAddress::from_bytes(bytes);
}

// Solicitations go to ff02::1:ff and the last three bytes of the address (RFC 4291 section 2.7.1).
bool is_solicited_node_group(const IpAddress& group) {
  constexpr std::array<std::uint8_t, 13> kPrefix{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  return group.is_v6() && std::equal(kPrefix.begin(), kPrefix.end(), group.storage.begin());
}

}  // namespace

std::size_t EndHost::poll() {
  std::size_t count = 0;
  for (PacketBatch batch;; batch.clear()) {
    port_->receive(*pool_, batch);
    if (batch.empty()) break;
    count += batch.size();
    for (const PacketPtr& packet : batch) handle(*packet);
  }
  port_->flush();
  counters_.received += count;
  return count;
}

// A UDP super-packet stands for several datagrams, a TCP one for a piece of a stream.
void EndHost::handle(const Packet& packet) {
  if ((packet.meta.gso.type & kGsoUdpL4) == 0) return handle_frame(packet);
  const auto cut =
      segment(packet, *pool_, SegmentChecksum::kPartial, [&](PacketPtr piece) { handle_frame(*piece); });
  if (!cut) ++counters_.malformed;
}

void EndHost::handle_frame(const Packet& packet) {
  const auto ethernet = read_header<EthernetHeader>(packet.bytes());
  if (!ethernet) {
    ++counters_.malformed;
    return;
  }
  const auto payload = packet.bytes().subspan(EthernetHeader::kSize);
  const ChecksumState state = packet.meta.csum.state;
  const bool checksum_known = state == ChecksumState::kPartial || state == ChecksumState::kUnnecessary;
  const bool ours = is_l3() || ethernet->destination == options_.mac || ethernet->destination.is_group();
  if (!ours || packet.meta.vlan.present)
    ++counters_.not_for_us;
  else if (ethernet->proto == kProtoIpv4)
    handle_ipv4(payload, checksum_known);
  else if (ethernet->proto == kProtoIpv6)
    handle_ipv6(payload, checksum_known);
  else if (ethernet->proto == kProtoArp && !is_l3())
    handle_arp(payload);
  else
    ++counters_.not_for_us;
}

void EndHost::handle_ipv4(std::span<const std::uint8_t> bytes, bool checksum_known) {
  const auto ip = read_header<Ipv4Header>(bytes);
  if (!ip || !ipv4_header_correct(bytes.first(ip->length()))) {
    ++counters_.malformed;
    return;
  }
  // A total length of zero stands for "as long as the packet" (BIG TCP).
  const std::size_t total = ip->total_length == Be16{} ? bytes.size() : ip->total_length.host();
  if (total < ip->length() || total > bytes.size()) {
    ++counters_.malformed;
    return;
  }
  const auto payload = bytes.subspan(ip->length(), total - ip->length());
  IpDatagram datagram{.source = address_of(ip->source),
                      .destination = address_of(ip->destination),
                      .protocol = ip->protocol,
                      .hop_limit = ip->ttl,
                      .payload = {payload.begin(), payload.end()}};
  if (!owns(datagram.destination))
    ++counters_.not_for_us;
  else if (ip->is_fragment())
    assemble(ip->id.host(), ip->fragment_offset(), ip->more_fragments(), std::move(datagram));
  else
    deliver(std::move(datagram), checksum_known);
}

void EndHost::handle_ipv6(std::span<const std::uint8_t> bytes, bool checksum_known) {
  const auto ip = read_header<Ipv6Header>(bytes);
  if (!ip) {
    ++counters_.malformed;
    return;
  }
  const std::size_t available = bytes.size() - Ipv6Header::kSize;
  const std::size_t length = ip->payload_length == Be16{} ? available : ip->payload_length.host();
  bytes = bytes.first(std::min(bytes.size(), Ipv6Header::kSize + length));
  const auto upper = walk_ipv6_extensions(bytes);
  if (length > available || !upper || upper->offset > bytes.size()) {
    ++counters_.malformed;
    return;
  }
  const auto payload = bytes.subspan(upper->offset);
  IpDatagram datagram{.source = IpAddress::from_bytes(ip->source),
                      .destination = IpAddress::from_bytes(ip->destination),
                      .protocol = upper->protocol,
                      .hop_limit = ip->hop_limit,
                      .payload = {payload.begin(), payload.end()}};
  if (!owns(datagram.destination) && !is_solicited_node_group(datagram.destination)) {
    ++counters_.not_for_us;
  } else if (const auto fragment = upper->fragment
                                       ? read_header<Ipv6FragmentHeader>(bytes.subspan(*upper->fragment))
                                       : std::nullopt) {
    assemble(fragment->id.host(), fragment->fragment_offset(), fragment->more_fragments(),
             std::move(datagram));
  } else {
    deliver(std::move(datagram), checksum_known);
  }
}

void EndHost::assemble(std::uint32_t id, std::uint32_t offset, bool more, IpDatagram piece) {
  const FragmentKey key{piece.source, piece.destination, id, piece.protocol};
  auto whole = reassembler_.add(key, offset, more, piece.payload);
  if (!whole) return;
  ++counters_.reassembled;
  piece.payload = *std::move(whole);
  deliver(std::move(piece), false);
}

void EndHost::deliver(IpDatagram datagram, bool checksum_known) {
  if (!checksum_known && !checksum_correct(datagram))
    ++counters_.bad_checksum;
  else if (datagram.protocol == kIpUdp)
    handle_udp(std::move(datagram));
  else if (datagram.protocol == (datagram.source.is_v4() ? kIpIcmp : kIpIcmpv6))
    handle_icmp(std::move(datagram));
  else
    put_into_inbox(std::move(datagram));
}

void EndHost::handle_udp(IpDatagram datagram) {
  const auto udp = read_header<UdpHeader>(datagram.payload);
  if (!udp || udp->length.host() != datagram.payload.size()) {
    ++counters_.malformed;
    return;
  }
  if (udp->destination.host() >= kFirstEphemeralPort) return put_into_inbox(std::move(datagram));
  auto echo = datagram.payload;
  write_header(
      echo.data(),
      UdpHeader{
          .source = udp->destination, .destination = udp->source, .length = udp->length, .checksum = {}});
  answer(datagram, std::move(echo));
}

void EndHost::handle_icmp(IpDatagram datagram) {
  const auto icmp = read_header<IcmpHeader>(datagram.payload);
  if (!icmp) {
    ++counters_.malformed;
    return;
  }
  const bool v4 = datagram.source.is_v4();
  if (icmp->type == (v4 ? kIcmpEchoRequest : kIcmpv6EchoRequest)) {
    auto echo = datagram.payload;
    echo[0] = v4 ? kIcmpEchoReply : kIcmpv6EchoReply;
    answer(datagram, std::move(echo));
  } else if (!v4 &&
             (icmp->type == kIcmpv6NeighborSolicitation || icmp->type == kIcmpv6NeighborAdvertisement)) {
    handle_neighbour_message(datagram);
  } else {
    put_into_inbox(std::move(datagram));
  }
}

void EndHost::answer(const IpDatagram& request, std::vector<std::uint8_t> payload) {
  ++counters_.answered;
  route({.source = request.destination,
         .destination = request.source,
         .protocol = request.protocol,
         .payload = std::move(payload)});
}

void EndHost::put_into_inbox(IpDatagram datagram) {
  if (inbox_.size() == kInboxSize)
    ++counters_.inbox_full;
  else
    inbox_.push_back(std::move(datagram));
}

std::optional<IpDatagram> EndHost::take(std::uint8_t protocol) {
  const auto found = std::ranges::find(inbox_, protocol, &IpDatagram::protocol);
  if (found == inbox_.end()) return std::nullopt;
  IpDatagram datagram = std::move(*found);
  inbox_.erase(found);
  return datagram;
}

}  // namespace netkit
