#include "runner/counters.h"

namespace netkit::runner {
namespace {

std::uint64_t statistic(const device::LinkStats& stats, topology::DeviceCounter counter) {
  switch (counter) {
    case topology::DeviceCounter::kRxPackets:
      return stats.rx_packets;
    case topology::DeviceCounter::kTxPackets:
      return stats.tx_packets;
    case topology::DeviceCounter::kRxBytes:
      return stats.rx_bytes;
    case topology::DeviceCounter::kTxBytes:
      return stats.tx_bytes;
    case topology::DeviceCounter::kRxDropped:
      return stats.rx_dropped;
    case topology::DeviceCounter::kTxDropped:
      return stats.tx_dropped;
  }
  return 0;
}

}  // namespace

std::uint64_t device_count(const device::Device& device,
                           const std::variant<topology::DeviceCounter, DropReason>& counter) {
  if (const auto* reason = std::get_if<DropReason>(&counter)) {
    const auto slot = static_cast<std::size_t>(*reason);
    return device.transmit_totals().dropped[slot] + device.receive_totals().dropped[slot];
  }
  return statistic(device.stats(), std::get<topology::DeviceCounter>(counter));
}

ProgramTotals totals_of(const bpf::Program& program) {
  ProgramTotals totals;
  program.counters.for_each([&](const bpf::ProgramCounters& cpu) {
    totals.runs += cpu.runs.get();
    totals.next += cpu.verdicts[0].get();
    totals.pass += cpu.verdicts[1].get();
    totals.drop += cpu.verdicts[2].get();
    totals.redirect += cpu.verdicts[3].get();
    totals.faults += cpu.faults.get();
    totals.nanoseconds += cpu.nanoseconds.get();
  });
  return totals;
}

std::uint64_t program_count(const bpf::Program& program, topology::ProgramCounter counter) {
  const ProgramTotals totals = totals_of(program);
  switch (counter) {
    case topology::ProgramCounter::kRuns:
      return totals.runs;
    case topology::ProgramCounter::kNext:
      return totals.next;
    case topology::ProgramCounter::kPass:
      return totals.pass;
    case topology::ProgramCounter::kDrop:
      return totals.drop;
    case topology::ProgramCounter::kRedirect:
      return totals.redirect;
    case topology::ProgramCounter::kFaults:
      return totals.faults;
  }
  return 0;
}

}  // namespace netkit::runner
