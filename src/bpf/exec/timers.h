// Runs the callbacks of timers (bpf/map/timer.h) that are due on a virtual CPU.
#pragma once

#include "base/clock.h"
#include "bpf/map/timer.h"
#include "bpf/run/context.h"

namespace netkit::bpf {

// For the owner of run.cpu, between runs and online: calls everything that is due at `now` (CLOCK_MONOTONIC)
// and returns the number of callbacks. A callback that faults is told by `report` (may be null), and counted
// for its program.
using TimerFault = void (*)(void* self, const Program& program, const Fault& fault);
std::uint32_t run_due_timers(RunContext& run, Nanoseconds now, TimerFault report = nullptr,
                             void* self = nullptr);

}  // namespace netkit::bpf
