#include "port/conversation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

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
  for (std::uint32_t i = 0; i < size; ++i)
    payload[H::kSize + i] = static_cast<std::uint8_t>(i * 31 + i / 251);  // no byte stands for another
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

// A segment on its way: the checksum aside, it must arrive as it was sent, whole or cut as software
// segmentation cuts (tcp_gso_segment): FIN and PSH on the last piece alone, CWR on the first.
class AwaitedSegment {
 public:
  explicit AwaitedSegment(std::span<const std::uint8_t> bytes)
      : header_(*read_header<TcpHeader>(bytes)),
        options_(bytes.subspan(TcpHeader::kSize, header_.length() - TcpHeader::kSize)),
        data_(bytes.subspan(header_.length())) {}

  // Takes the next piece in; false: it is none.
  bool take(std::span<const std::uint8_t> bytes) {
    const auto header = read_header<TcpHeader>(bytes);
    if (!header || header->length() != header_.length()) return false;
    const auto data = bytes.subspan(header->length());
    if (data.size() > data_.size() - arrived_ || !same_fields(*header, expected_header(data.size())))
      return false;
    if (!std::ranges::equal(bytes.subspan(TcpHeader::kSize, options_.size()), options_)) return false;
    if (!std::ranges::equal(data, data_.subspan(arrived_, data.size()))) return false;
    arrived_ += data.size();
    return true;
  }
  [[nodiscard]] bool complete() const { return arrived_ == data_.size(); }
  [[nodiscard]] std::size_t data_size() const { return data_.size(); }

 private:
  [[nodiscard]] TcpHeader expected_header(std::size_t size) const {
    TcpHeader expected = header_;
    unsigned flags = header_.flags;
    if (arrived_ + size < data_.size()) flags &= ~unsigned{TcpHeader::kFin | TcpHeader::kPsh};
    if (arrived_ != 0) flags &= ~unsigned{TcpHeader::kCwr};
    expected.flags = static_cast<std::uint8_t>(flags);
    expected.seq = Be32(header_.seq.host() + static_cast<std::uint32_t>(arrived_));
    return expected;
  }
  static bool same_fields(TcpHeader a, const TcpHeader& b) {
    a.checksum = b.checksum;
    return std::bit_cast<std::array<std::uint8_t, TcpHeader::kSize>>(a) ==
           std::bit_cast<std::array<std::uint8_t, TcpHeader::kSize>>(b);
  }

  TcpHeader header_;
  std::span<const std::uint8_t> options_, data_;
  std::size_t arrived_ = 0;
};

// The recorded segment with the server's port of this conversation.
std::vector<std::uint8_t> with_server_port(const RecordedSegment& segment, std::uint16_t port) {
  std::vector<std::uint8_t> bytes = segment.bytes;
  TcpHeader header = *read_header<TcpHeader>(bytes);
  (segment.from_client ? header.destination : header.source) = Be16(port);
  write_header(bytes.data(), header);
  return bytes;
}

// Of the segments that a host makes of a super-packet; 0 where all fits one packet of its MTU.
std::uint16_t gso_size_for(const EndHost& host, const IpAddress& to, std::span<const std::uint8_t> bytes) {
  const std::uint32_t room = host.options().mtu - (to.is_v4() ? Ipv4Header::kSize : Ipv6Header::kSize);
  if (bytes.size() <= room) return 0;
  return static_cast<std::uint16_t>(room - read_header<TcpHeader>(bytes)->length());
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
                    std::uint16_t server_port, const TcpRecording& recording, Nanoseconds timeout,
                    const Turn& turn) {
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
  for (const RecordedSegment& segment : recording.segments) {
    EndHost& sender = segment.from_client ? client : server;
    EndHost& receiver = segment.from_client ? server : client;
    const IpAddress& to = segment.from_client ? server_address : *client_address;
    const std::vector<std::uint8_t> bytes = with_server_port(segment, server_port);
    if (!sender.send(to, kIpTcp, bytes, gso_size_for(sender, to, bytes))) return outcome;
    AwaitedSegment awaited(bytes);
    const bool arrived = await(receiver, kIpTcp, timeout, all_turn, [&](const IpDatagram& datagram) {
      return awaited.take(datagram.payload) && awaited.complete();
    });
    if (!arrived) return outcome;
    ++outcome.segments_arrived;
    outcome.bytes_arrived += awaited.data_size();
  }
  outcome.all = true;
  return outcome;
}

}  // namespace netkit
