// Merges the small packets of a flow into one super-packet before it is written to a stack: many packets, one
// trip (for UDP the datagrams of one flow as UDP_SEGMENT, for TCP what plain GRO does).
//
// Theory of operation. A slot holds the first packet of a flow that may grow, its head. A packet joins the
// head if segmentation would give both back as they are: same headers apart from lengths, checksums, sequence
// numbers and IPv4 ids, same metadata, checksum partial or right, no fragment; payloads as long as the
// head's, only the last may be shorter and then ends the slot. Anything else of the same flow closes the slot
// first, so that a flow's order is kept. The owner of the coalescer flushes at the end of each batch: nothing
// waits for a packet to come.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "packet/batch.h"
#include "packet/dissect.h"
#include "packet/packet.h"

namespace netkit {

struct CoalesceLimits {
  std::uint16_t segments = 64;  // what UDP sockets take before Linux 6.9 (128 since)
  std::uint32_t bytes = 65535;  // of the IP packet
  bool udp = true;
  bool tcp4 = true;
  bool tcp6 = true;
};

class Coalescer {
 public:
  explicit Coalescer(CoalesceLimits limits = {}) : limits_(limits) {}

  // Takes a packet that begins with its Ethernet (or IP) header; `out` gets those that are done, this one
  // among them if it cannot merge.
  template <class Out>
  void add(PacketPtr packet, Out&& out) {
    take(std::move(packet));
    drain(out);
  }
  // Gives out everything that is held.
  template <class Out>
  void flush(Out&& out) {
    close_all();
    drain(out);
  }

 private:
  static constexpr std::size_t kSlots = 16;

  // A packet that may be merged, and what there is to know about it.
  struct Candidate {
    Layout layout;
    std::uint32_t headers = 0;  // bytes in front of the payload
    std::uint32_t payload = 0;
    bool last = false;  // nothing may follow it in its super-packet
  };
  struct Slot {
    PacketPtr head;  // null: free
    std::uint32_t hash = 0;
    Candidate first;
    std::uint16_t segments = 0;
  };

  void take(PacketPtr packet);
  [[nodiscard]] std::optional<Candidate> examine(Packet& packet, const Layout& layout) const;
  [[nodiscard]] bool wanted(const Layout& layout) const;
  [[nodiscard]] bool joins(const Slot& slot, const Packet& packet, const Candidate& candidate) const;
  [[nodiscard]] static bool append(Slot& slot, const Packet& packet, const Candidate& candidate);
  [[nodiscard]] Slot* find(std::uint32_t hash);
  [[nodiscard]] Slot& free_slot();
  void close(Slot& slot);
  void close_all();

  template <class Out>
  void drain(Out& out) {
    for (PacketPtr& packet : ready_) out(std::move(packet));
    ready_.clear();
  }

  CoalesceLimits limits_;
  std::array<Slot, kSlots> slots_;
  std::size_t oldest_ = 0;
  PacketBatch ready_;  // kSlots + 1 at most between two drains
};

}  // namespace netkit
