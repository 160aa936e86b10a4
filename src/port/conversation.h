// Conversations between end hosts, with what came of them: ping, UDP echo, a recorded TCP connection. They
// are how a step of a topology is shown without a kernel, and how tests speak through devices.
#pragma once

#include <cstdint>
#include <functional>

#include "base/address.h"
#include "base/clock.h"
#include "port/end_host.h"
#include "port/tcp_recording.h"

namespace netkit {

// Lets everything else move on: polls the other hosts, and in a single-threaded test the engine. Called until
// the answer has come or the time is over.
using Turn = std::function<void()>;

struct ConversationOptions {
  std::uint32_t count = 1;
  std::uint32_t size = 56;              // bytes of payload
  Nanoseconds timeout = 1'000'000'000;  // for each answer
};

struct Exchanged {
  std::uint32_t sent = 0;
  std::uint32_t answered = 0;  // whole, unchanged, once

  [[nodiscard]] bool all() const { return sent != 0 && answered == sent; }
  [[nodiscard]] bool none() const { return answered == 0; }
};

// Echo requests, one after the other, to an address of either family. `sent` stays 0 when the host has no
// address of the family. Larger than the MTU: in fragments.
[[nodiscard]] Exchanged ping(EndHost& host, const IpAddress& to, const ConversationOptions& options,
                             const Turn& turn);

// UDP datagrams to a port below kFirstEphemeralPort, which the other host echoes.
[[nodiscard]] Exchanged udp_echo(EndHost& host, const IpAddress& to, std::uint16_t port,
                                 const ConversationOptions& options, const Turn& turn);

// How far a recorded TCP connection came.
struct TcpOutcome {
  std::size_t segments_arrived = 0;
  std::uint64_t bytes_arrived = 0;  // of their data
  bool all = false;
};

// Plays a recording between two hosts, whose addresses and server port take the place of the recorded ones;
// stops at the first segment that does not arrive byte for byte. A super-packet may arrive whole or in
// segments. `turn` need not poll the two hosts.
[[nodiscard]] TcpOutcome play_tcp(EndHost& client, EndHost& server, const IpAddress& server_address,
                                  std::uint16_t server_port, const TcpRecording& recording,
                                  Nanoseconds timeout, const Turn& turn);

}  // namespace netkit
