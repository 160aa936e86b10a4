// What a device counts: the kernel's statistics, and where every packet that it saw has gone.
#pragma once

#include <array>
#include <cstdint>

#include "base/per_cpu.h"
#include "packet/drop_reason.h"
#include "port/port.h"

namespace netkit::device {

// struct rtnl_link_stats64, as far as a software device fills it; all since creation.
struct LinkStats {
  std::uint64_t rx_packets = 0, tx_packets = 0;
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0;
  std::uint64_t rx_dropped = 0, tx_dropped = 0;
  std::uint64_t multicast = 0, collisions = 0;
  std::uint64_t rx_nohandler = 0;

  friend bool operator==(const LinkStats&, const LinkStats&) = default;
};

// The fate of the packets of one direction. Every packet offered is forwarded, redirected, cut or dropped
// with a reason: offered = forwarded + redirected + segmented + sum of dropped, while no packet is on its
// way.
struct FlowTotals {
  std::uint64_t offered = 0;  // came to the device in this direction
  std::uint64_t forwarded =
      0;  // transmit: taken by the other end or the wire; receive: taken by the stack above
  std::uint64_t redirected = 0;  // sent elsewhere by a program
  std::uint64_t segmented = 0;   // super-packets cut in software; the pieces are offered anew
  DropCounts dropped{};

  [[nodiscard]] std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : dropped) sum += count;
    return sum;
  }
};

struct FlowCounters {
  Counter offered, forwarded, redirected, segmented;
  std::array<Counter, kDropReasons> dropped;

  void drop(DropReason reason, std::uint64_t n = 1) { dropped[static_cast<std::size_t>(reason)].add(n); }
  void add_to(FlowTotals& totals) const;
};

// One virtual CPU's share of a device's counters.
struct CpuCounters {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  Counter rx_dropped, tx_dropped;
  FlowCounters transmit;
  FlowCounters receive;
};

}  // namespace netkit::device
