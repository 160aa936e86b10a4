// A port moves packets between the engine and the world. It is built from descriptors that were opened for it
// and opens nothing itself. Ports that wrap another port (capture, loss, delay) are ports.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "packet/batch.h"
#include "packet/drop_reason.h"
#include "packet/pool.h"

namespace netkit {

// How many packets a port lost, by reason.
using DropCounts = std::array<std::uint64_t, kDropReasons>;

struct PortCounters {
  std::uint64_t received_packets = 0;  // world -> engine
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_packets = 0;  // engine -> world, as the engine counts them (before coalescing)
  std::uint64_t sent_bytes = 0;
  DropCounts dropped{};          // engine -> world
  DropCounts receive_dropped{};  // world -> engine
};

// What a port can take without help; what it cannot is done in software before send (packet/segment.h).
struct PortOffloads {
  bool checksum = false;  // partial checksums
  bool tso4 = false, tso6 = false, uso = false;
  std::uint32_t max_len = 65535 + 14;  // longest packet it takes
};

enum class PortState : std::uint8_t { kReady, kGone };

class Port {
 public:
  virtual ~Port() = default;

  // World -> engine. Appends what is there, at most batch.room() packets, with their metadata; never blocks.
  // One thread at a time per port queue.
  virtual void receive(PacketPool& pool, PacketBatch& batch) = 0;
  // Engine -> world. Takes all packets out of the batch; those it loses are counted with their reason. May
  // hold packets back for coalescing until flush. Callable from any worker.
  virtual void send(PacketBatch& batch) = 0;
  // The end of a batch: nothing may stay behind.
  virtual void flush() {}

  // A descriptor that becomes readable when receive would yield something, or -1.
  [[nodiscard]] virtual int poll_fd() const { return -1; }
  [[nodiscard]] virtual PortState state() const { return PortState::kReady; }
  [[nodiscard]] virtual PortOffloads offloads() const { return {}; }
  [[nodiscard]] virtual PortCounters counters() const = 0;
  // Carrier as the device model has it; ports whose world can show it do.
  virtual void set_carrier(bool) {}
  // The words for summaries: "tap", "pcap", "capture(tap)".
  [[nodiscard]] virtual std::string_view kind() const = 0;
};

}  // namespace netkit
