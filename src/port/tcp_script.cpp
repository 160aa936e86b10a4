#include "port/tcp_script.h"

#include <algorithm>

namespace netkit {
namespace {

constexpr std::uint32_t kClientStart = 1000, kServerStart = 5000;  // initial sequence numbers

// What each side will send next.
struct Connection {
  std::uint32_t client = kClientStart;
  std::uint32_t server = kServerStart;
  std::vector<TcpSegment> script;

  // Adds a segment; SYN and FIN take a sequence number, as each byte does.
  void say(bool from_client, unsigned flags, std::uint64_t offset = 0, std::uint32_t length = 0) {
    std::uint32_t& own = from_client ? client : server;
    const std::uint32_t other = from_client ? server : client;
    script.push_back({.from_client = from_client,
                      .flags = static_cast<std::uint8_t>(flags),
                      .seq = own,
                      .ack = (flags & TcpHeader::kAck) != 0 ? other : 0,
                      .offset = offset,
                      .length = length});
    own += length + ((flags & (TcpHeader::kSyn | TcpHeader::kFin)) != 0 ? 1U : 0U);
  }
};

}  // namespace

std::vector<TcpSegment> make_tcp_script(const TcpScriptOptions& options) {
  constexpr bool kClient = true, kServer = false;
  Connection connection;
  connection.say(kClient, TcpHeader::kSyn);
  connection.say(kServer, TcpHeader::kSyn | TcpHeader::kAck);
  connection.say(kClient, TcpHeader::kAck);
  for (std::uint64_t offset = 0; offset < options.bytes; offset += options.chunk) {
    const auto length =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(options.chunk, options.bytes - offset));
    connection.say(kClient, TcpHeader::kPsh | TcpHeader::kAck, offset, length);
    connection.say(kServer, TcpHeader::kAck);
  }
  connection.say(kClient, TcpHeader::kFin | TcpHeader::kAck);
  connection.say(kServer, TcpHeader::kFin | TcpHeader::kAck);
  connection.say(kClient, TcpHeader::kAck);
  return std::move(connection.script);
}

std::vector<std::uint8_t> tcp_payload(const TcpScriptOptions& options, const TcpSegment& segment) {
  std::vector<std::uint8_t> payload(TcpHeader::kSize + segment.length);
  write_header(payload.data(),
               TcpHeader{.source = Be16(segment.from_client ? options.client_port : options.server_port),
                         .destination = Be16(segment.from_client ? options.server_port : options.client_port),
                         .seq = Be32(segment.seq),
                         .ack_seq = Be32(segment.ack),
                         .flags = segment.flags});
  for (std::uint32_t i = 0; i < segment.length; ++i)
    payload[TcpHeader::kSize + i] = stream_byte(segment.offset + i);
  return payload;
}

}  // namespace netkit
