// The simplest datapath there is: what one port receives the other sends, on a thread of its own. Stands for
// the engine in tests of ports.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "base/address.h"
#include "port/port.h"

namespace netkit::testing {

// One end: the port and the address by which its stack knows itself (zero in L3 mode).
struct ForwardingEnd {
  Port* port = nullptr;
  MacAddress mac{};
};

class Forwarder {
 public:
  // What has been seen in one direction.
  struct Seen {
    std::atomic<std::uint64_t> packets{0};
    std::atomic<std::uint64_t> partial_checksums{0};
    std::atomic<std::uint64_t> super_packets{0};
    std::atomic<std::uint32_t> gso_types{0};  // all that occurred, or-ed
    std::atomic<std::uint32_t> gso_size{0};   // of the last super-packet
    std::atomic<std::uint32_t> longest{0};
    std::atomic<std::uint32_t> most_segments{0};
    std::atomic<std::uint32_t> vlan_tci{0};  // of the last tagged packet
  };

  Forwarder(ForwardingEnd first, ForwardingEnd second);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  [[nodiscard]] const Seen& from_first() const { return seen_[0]; }
  [[nodiscard]] const Seen& from_second() const { return seen_[1]; }

 private:
  void loop();
  bool move(std::size_t from);
  static void look_at(const Packet& packet, Seen& seen);

  ForwardingEnd ends_[2];
  Seen seen_[2];
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace netkit::testing
