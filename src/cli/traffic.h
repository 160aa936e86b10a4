// `netkit traffic`: the small senders and receivers that steps of a topology use inside namespaces, where no
// standard tool does exactly that. They print one line of `key=value` pairs and are not part of the user
// interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace netkit::cli {

struct UdpEndpoint {
  std::string address;  // IPv4 or IPv6, numeric
  std::uint16_t port = 0;
};

// Sends every datagram back to where it came from, until killed. Prints "ready" once it can receive.
[[nodiscard]] Result<> serve_udp_echo(const UdpEndpoint& local);

struct UdpExchange {
  std::uint32_t count = 1;
  std::uint32_t size = 64;                  // bytes of payload
  std::chrono::milliseconds timeout{1000};  // for the answer to each
};
// Sends `count` datagrams one after another, each of a pattern of its own, and waits for each answer.
// Prints "sent=N answered=M": only answers with the very same bytes count.
[[nodiscard]] Result<> exchange_udp(const UdpEndpoint& remote, const UdpExchange& exchange);

}  // namespace netkit::cli
