// Running a list of programs on a packet.
#pragma once

#include "bpf/run/types.h"
#include "device/execution.h"
#include "device/mprog.h"

namespace netkit::device {

// Runs the programs in order until one answers something else than NEXT, and returns that; NEXT when all say
// so.
[[nodiscard]] inline std::int32_t run_list(Execution& execution, const ProgramList::Snapshot& list,
                                           Packet& packet) {
  for (const ProgramList::Entry& entry : list) {
    const std::int32_t verdict = execution.run(*entry.program, packet);
    if (verdict != bpf::kNext) return verdict;
  }
  return bpf::kNext;
}

// Why a packet was dropped by the run that has just ended: `reason`, unless the program was ended by force.
[[nodiscard]] inline DropReason verdict_reason(const Execution& execution, DropReason reason) {
  return execution.faulted() ? DropReason::kProgFault : reason;
}

}  // namespace netkit::device
