// The in-process port: two ends joined by two bounded lock-free queues. What one end sends the other
// receives; packets change owner, their bytes and metadata stay where they are. One end serves the engine as
// a device's port, the other a test, a responder or the program that embeds the engine.
#pragma once

#include <cstddef>
#include <memory>

#include "port/port.h"

namespace netkit {

struct InProcessOptions {
  std::size_t capacity = 1024;  // packets per direction; rounded up to a power of two
  PortOffloads offloads{.checksum = true, .tso4 = true, .tso6 = true, .uso = true, .max_len = kMaxPacket};
};

struct InProcessPorts {
  std::unique_ptr<Port> first;
  std::unique_ptr<Port> second;
};

// Both ends may be used from different threads: send from any number, receive from one at a time. A packet
// that finds the queue full is dropped as port_full. The wake-up descriptor is made at the first call of
// poll_fd; until then nothing is signalled and no system call is made.
//
// When one end is destroyed the other's state is kGone, what it sends is dropped as port_gone, and what was
// already queued towards it can still be received. Packets go back to the pool they came from: pools outlive
// the ports.
[[nodiscard]] InProcessPorts make_in_process_ports(const InProcessOptions& options = {});

}  // namespace netkit
