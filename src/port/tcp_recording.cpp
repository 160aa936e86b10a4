#include "port/tcp_recording.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <span>

#include "packet/headers.h"
#include "port/pcap_file.h"

namespace netkit {
namespace {

using Bytes = std::span<const std::uint8_t>;

struct Endpoint {
  IpAddress address;
  Be16 port;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// From an address field of a header.
template <class Field>
IpAddress ip_address(const Field& field) {
  return IpAddress::from_bytes(std::bit_cast<std::array<std::uint8_t, sizeof(Field)>>(field));
}

// One TCP segment on the wire.
struct Seen {
  Endpoint source, destination;
  std::uint8_t flags = 0;
  Bytes bytes;
};

std::optional<Seen> tcp_segment(const IpAddress& source, const IpAddress& destination, Bytes bytes) {
  const auto tcp = read_header<TcpHeader>(bytes);
  if (!tcp) return std::nullopt;
  return Seen{{source, tcp->source}, {destination, tcp->destination}, tcp->flags, bytes};
}

// The rest of a packet after its IP header, as long as that says; a length of zero stands for all of it (BIG
// TCP). An Ethernet frame may be longer than what it carries.
std::optional<Bytes> after_header(Bytes packet, std::size_t header, std::size_t end) {
  if (end < header || end > packet.size()) return std::nullopt;
  return packet.subspan(header, end - header);
}

std::optional<Seen> ipv4_segment(Bytes packet) {
  const auto ip = read_header<Ipv4Header>(packet);
  if (!ip || ip->protocol != kIpTcp || ip->is_fragment()) return std::nullopt;
  const std::size_t end = ip->total_length == Be16{} ? packet.size() : ip->total_length.host();
  const auto bytes = after_header(packet, ip->length(), end);
  if (!bytes) return std::nullopt;
  return tcp_segment(ip_address(ip->source), ip_address(ip->destination), *bytes);
}

std::optional<Seen> ipv6_segment(Bytes packet) {
  const auto ip = read_header<Ipv6Header>(packet);
  if (!ip || ip->next_header != kIpTcp) return std::nullopt;
  const std::size_t end =
      ip->payload_length == Be16{} ? packet.size() : Ipv6Header::kSize + ip->payload_length.host();
  const auto bytes = after_header(packet, Ipv6Header::kSize, end);
  if (!bytes) return std::nullopt;
  return tcp_segment(ip_address(ip->source), ip_address(ip->destination), *bytes);
}

std::optional<Seen> segment_in(Bytes frame, bool raw_ip) {
  if (raw_ip) return !frame.empty() && frame[0] >> 4U == 6 ? ipv6_segment(frame) : ipv4_segment(frame);
  const auto ethernet = read_header<EthernetHeader>(frame);
  if (!ethernet) return std::nullopt;
  const Bytes packet = frame.subspan(EthernetHeader::kSize);
  if (ethernet->proto == kProtoIpv4) return ipv4_segment(packet);
  if (ethernet->proto == kProtoIpv6) return ipv6_segment(packet);
  return std::nullopt;
}

// The two sides, known from the first SYN on.
class Connection {
 public:
  // Whether the client said it; nothing where it belongs to another connection.
  std::optional<bool> said_by_client(const Seen& seen) {
    constexpr unsigned kHandshake = TcpHeader::kSyn | TcpHeader::kAck;
    if (!client_ && (seen.flags & kHandshake) == TcpHeader::kSyn) {
      client_ = seen.source;
      server_ = seen.destination;
    }
    if (!client_) return std::nullopt;
    if (seen.source == *client_ && seen.destination == server_) return true;
    if (seen.source == server_ && seen.destination == *client_) return false;
    return std::nullopt;
  }

 private:
  std::optional<Endpoint> client_;
  Endpoint server_;
};

}  // namespace

std::uint64_t TcpRecording::data_bytes() const {
  std::uint64_t bytes = 0;
  for (const RecordedSegment& segment : segments)
    bytes += segment.bytes.size() - read_header<TcpHeader>(segment.bytes)->length();
  return bytes;
}

Result<TcpRecording> read_tcp_recording(Fd file, std::string_view name) {
  PcapFile capture = TRY(PcapFile::open(std::move(file), name));
  TcpRecording recording;
  Connection connection;
  for (std::size_t number = 1;; ++number) {
    const auto record = TRY(capture.next());
    if (!record) break;
    if (record->bytes.size() < record->length) {
      return fail(EINVAL, fmt::format("{}: packet {} was cut to {} of its {} bytes; record whole packets "
                                      "(tcpdump -s 0)",
                                      name, number, record->bytes.size(), record->length));
    }
    const auto seen = segment_in(record->bytes, capture.raw_ip());
    if (!seen) continue;
    if (const auto from_client = connection.said_by_client(*seen))
      recording.segments.push_back({*from_client, {seen->bytes.begin(), seen->bytes.end()}});
  }
  if (recording.segments.empty()) {
    return fail(EINVAL,
                fmt::format("{}: no TCP connection from its SYN on; record one from its start", name));
  }
  return recording;
}

}  // namespace netkit
