// A TCP connection as a script: the same segments every time, for runs in which no stack is there that would
// make them. One side sends a stream of bytes, the other acknowledges it.
#pragma once

#include <cstdint>
#include <vector>

#include "packet/headers.h"

namespace netkit {

struct TcpScriptOptions {
  std::uint16_t client_port = 40000;
  std::uint16_t server_port = 5201;
  std::uint64_t bytes = 1'000'000;  // from client to server
  std::uint32_t chunk = 1440;       // of each data segment; more than the MTU makes it a super-packet
};

struct TcpSegment {
  bool from_client = true;
  std::uint8_t flags = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint64_t offset = 0;  // of its data in the stream
  std::uint32_t length = 0;  // of its data
};

// Handshake, data each acknowledged, close from the client's side.
[[nodiscard]] std::vector<TcpSegment> make_tcp_script(const TcpScriptOptions& options);

// The transport header (checksum zero) and data of a segment.
[[nodiscard]] std::vector<std::uint8_t> tcp_payload(const TcpScriptOptions& options,
                                                    const TcpSegment& segment);

// The byte at a place of the stream.
[[nodiscard]] constexpr std::uint8_t stream_byte(std::uint64_t offset) {
  return static_cast<std::uint8_t>(offset * 31 + offset / 251);
}

}  // namespace netkit
