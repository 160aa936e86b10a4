// The counters of a port that several workers send through: relaxed atomics, one addition per batch.
#pragma once

#include <atomic>

#include "port/port.h"

namespace netkit {

class AtomicPortCounters {
 public:
  void add_received(std::uint64_t packets, std::uint64_t bytes) {
    add(received_packets_, packets);
    add(received_bytes_, bytes);
  }
  void add_sent(std::uint64_t packets, std::uint64_t bytes) {
    add(sent_packets_, packets);
    add(sent_bytes_, bytes);
  }
  void drop(DropReason reason, std::uint64_t packets = 1) { add(dropped_[index(reason)], packets); }
  void drop_received(DropReason reason, std::uint64_t packets = 1) {
    add(receive_dropped_[index(reason)], packets);
  }

  [[nodiscard]] PortCounters snapshot() const {
    PortCounters counters{.received_packets = received_packets_.load(std::memory_order_relaxed),
                          .received_bytes = received_bytes_.load(std::memory_order_relaxed),
                          .sent_packets = sent_packets_.load(std::memory_order_relaxed),
                          .sent_bytes = sent_bytes_.load(std::memory_order_relaxed)};
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      counters.dropped[i] = dropped_[i].load(std::memory_order_relaxed);
      counters.receive_dropped[i] = receive_dropped_[i].load(std::memory_order_relaxed);
    }
    return counters;
  }

 private:
  using Counter = std::atomic<std::uint64_t>;
  static void add(Counter& counter, std::uint64_t n) { counter.fetch_add(n, std::memory_order_relaxed); }
  static std::size_t index(DropReason reason) { return static_cast<std::size_t>(reason); }

  Counter received_packets_{0}, received_bytes_{0};
  Counter sent_packets_{0}, sent_bytes_{0};
  std::array<Counter, kDropReasons> dropped_{};
  std::array<Counter, kDropReasons> receive_dropped_{};
};

}  // namespace netkit
