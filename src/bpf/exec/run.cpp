#include "base/clock.h"
#include "bpf/exec/interpreter.h"
#include "bpf/run/skb.h"

namespace netkit::bpf {
namespace {

// The counter of a verdict: next, pass, drop (and what no hook knows), redirect.
std::size_t verdict_slot(std::int32_t verdict) {
  switch (verdict) {
    case kNext:
      return 0;
    case kPass:
      return 1;
    case kRedirect:
      return 3;
    default:
      return 2;
  }
}

}  // namespace

void begin_callback(RunContext& run) {
  run.packet = nullptr;
  run.budget = run.instruction_limit;
  run.tail_calls = 0;
  run.tail_target = nullptr;
  run.fault.happened = false;
  run.regions.begin({});
  run.regions.packet = {};
  run.regions.context = {};
  run.found_maps.clear();
  run.kernel.in_use = false;
}

void begin_run(RunContext& run, Packet& packet) {
  begin_callback(run);
  run.packet = &packet;
  run.regions.context = {run.context_address(), kSkbSize, RegionKind::kContext, false, 0};
  run.packet_moved();
}

std::int32_t run_program(RunContext& run, const Program& program, Packet& packet) {
  begin_run(run, packet);
  run.program = &program;
  const bool timed = program_timing();
  const Nanoseconds start = timed ? monotonic_ns() : 0;
  const auto verdict = static_cast<std::int32_t>(program.entry(run, program));

  ProgramCounters& counters = program.counters[run.cpu];
  counters.runs.add(1);
  if (timed) {
    counters.timed_runs.add(1);
    counters.nanoseconds.add(monotonic_ns() - start);
  }
  if (run.fault.happened) run.program->counters[run.cpu].faults.add(1);
  counters.verdicts[verdict_slot(verdict)].add(1);
  return verdict;
}

}  // namespace netkit::bpf
