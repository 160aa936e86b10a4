#include "port/conversation.h"

#include <algorithm>

namespace netkit {
namespace {

constexpr std::uint16_t kEchoIdentifier = 0x6e6b;  // "nk"
constexpr std::uint16_t kClientPort = 40001;

// Takes turns until `wanted` accepts a datagram of the inbox; others of the protocol are thrown away. False:
// the time is over.
template <class Wanted>
bool await(EndHost& host, std::uint8_t protocol, Nanoseconds timeout, const Turn& turn,
           const Wanted& wanted) {
  const Nanoseconds deadline = monotonic_ns() + timeout;
  while (true) {
    turn();
    host.poll();
    while (const auto datagram = host.take(protocol))
      if (wanted(*datagram)) return true;
    if (monotonic_ns() >= deadline) return false;
  }
}

template <WireHeader H>
std::vector<std::uint8_t> message(const H& header, std::uint32_t size) {
  std::vector<std::uint8_t> payload(H::kSize + size);
  write_header(payload.data(), header);
  for (std::uint32_t i = 0; i < size; ++i) payload[H::kSize + i] = stream_byte(i);
  return payload;
}

// Sends `count` messages that `make` builds by their number, and awaits for each the answer that `answer`
// recognises.
template <class Make, class Answer>
Exchanged exchange(EndHost& host, const IpAddress& to, std::uint8_t protocol,
                   const ConversationOptions& options, const Turn& turn, const Make& make,
                   const Answer& answer) {
  Exchanged result;
  host.clear_inbox();
  for (std::uint32_t number = 0; number < options.count; ++number) {
    const std::vector<std::uint8_t> sent = make(static_cast<std::uint16_t>(number));
    if (!host.send(to, protocol, sent)) break;
    ++result.sent;
    const bool answered = await(host, protocol, options.timeout, turn, [&](const IpDatagram& datagram) {
      return datagram.source == to && datagram.payload.size() == sent.size() &&
             answer(datagram.payload, sent);
    });
    if (answered) ++result.answered;
  }
  return result;
}

// Headers are compared field by field, what follows them byte by byte.
template <WireHeader H>
bool same_data(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return std::ranges::equal(a.subspan(H::kSize), b.subspan(H::kSize));
}

// Whether this is the piece of a scripted segment that comes after `arrived` bytes of its data.
bool is_next_piece(const TcpHeader& tcp, const TcpScriptOptions& options, const TcpSegment& segment,
                   std::uint32_t arrived) {
  constexpr unsigned kMarks = TcpHeader::kSyn | TcpHeader::kFin | TcpHeader::kAck | TcpHeader::kRst;
  const std::uint16_t source = segment.from_client ? options.client_port : options.server_port;
  const std::uint16_t destination = segment.from_client ? options.server_port : options.client_port;
  return tcp.source.host() == source && tcp.destination.host() == destination &&
         (tcp.flags & kMarks) == (segment.flags & kMarks) && tcp.seq.host() == segment.seq + arrived &&
         tcp.ack_seq.host() == segment.ack;
}

// Whole or cut, its data in order.
bool await_segment(EndHost& host, const TcpScriptOptions& options, const TcpSegment& segment,
                   Nanoseconds timeout, const Turn& turn) {
  std::uint32_t arrived = 0;
  return await(host, kIpTcp, timeout, turn, [&](const IpDatagram& datagram) {
    const auto tcp = read_header<TcpHeader>(datagram.payload);
    if (!tcp || !is_next_piece(*tcp, options, segment, arrived)) return false;
    for (const std::uint8_t byte : std::span(datagram.payload).subspan(tcp->length()))
      if (byte != stream_byte(segment.offset + arrived++)) return false;
    return arrived == segment.length;
  });
}

// The data that fits one packet of the host's MTU.
std::uint32_t segment_limit(const EndHost& host, const IpAddress& to) {
  return host.options().mtu - (to.is_v4() ? Ipv4Header::kSize : Ipv6Header::kSize) - TcpHeader::kSize;
}

}  // namespace

Exchanged ping(EndHost& host, const IpAddress& to, const ConversationOptions& options, const Turn& turn) {
  const std::uint8_t request = to.is_v4() ? kIcmpEchoRequest : kIcmpv6EchoRequest;
  const std::uint8_t reply = to.is_v4() ? kIcmpEchoReply : kIcmpv6EchoReply;
  return exchange(
      host, to, to.is_v4() ? kIpIcmp : kIpIcmpv6, options, turn,
      [&](std::uint16_t number) {
        return message(IcmpHeader{.type = request, .rest = {Be16(kEchoIdentifier), Be16(number)}},
                       options.size);
      },
      [&](std::span<const std::uint8_t> answer, std::span<const std::uint8_t> sent) {
        const auto icmp = read_header<IcmpHeader>(answer);
        return icmp->type == reply && icmp->rest == read_header<IcmpHeader>(sent)->rest &&
               same_data<IcmpHeader>(answer, sent);
      });
}

Exchanged udp_echo(EndHost& host, const IpAddress& to, std::uint16_t port, const ConversationOptions& options,
                   const Turn& turn) {
  return exchange(
      host, to, kIpUdp, options, turn,
      [&](std::uint16_t number) {
        return message(UdpHeader{.source = Be16(static_cast<std::uint16_t>(kClientPort + number % 1000)),
                                 .destination = Be16(port),
                                 .length = Be16(static_cast<std::uint16_t>(UdpHeader::kSize + options.size))},
                       options.size);
      },
      [&](std::span<const std::uint8_t> answer, std::span<const std::uint8_t> sent) {
        const auto udp = read_header<UdpHeader>(answer);
        const auto request = read_header<UdpHeader>(sent);
        return udp->source == request->destination && udp->destination == request->source &&
               same_data<UdpHeader>(answer, sent);
      });
}

TcpOutcome play_tcp(EndHost& client, EndHost& server, const IpAddress& server_address,
                    const TcpScriptOptions& options, Nanoseconds timeout, const Turn& turn) {
  TcpOutcome outcome;
  const auto client_address = client.source_for(server_address);
  if (!client_address) return outcome;
  client.clear_inbox();
  server.clear_inbox();
  const Turn all_turn = [&] {
    turn();
    client.poll();
    server.poll();
  };
  constexpr std::size_t kHandshake = 3;
  std::size_t arrived = 0;
  const std::vector<TcpSegment> script = make_tcp_script(options);
  for (const TcpSegment& segment : script) {
    EndHost& sender = segment.from_client ? client : server;
    EndHost& receiver = segment.from_client ? server : client;
    const std::uint32_t mss = segment_limit(sender, server_address);
    const auto gso_size = static_cast<std::uint16_t>(segment.length > mss ? mss : 0);
    if (!sender.send(segment.from_client ? server_address : *client_address, kIpTcp,
                     tcp_payload(options, segment), gso_size))
      break;
    if (!await_segment(receiver, options, segment, timeout, all_turn)) break;
    outcome.bytes_arrived += segment.length;
    outcome.connected = ++arrived >= kHandshake;
  }
  outcome.closed = arrived == script.size();
  return outcome;
}

}  // namespace netkit
