#include "bpf/exec/timers.h"

#include "bpf/exec/interpreter.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

void run_callback(RunContext& run, const DueTimer& timer) {
  const Map& map = timer.map();
  begin_callback(run);
  std::uint32_t index = 0;
  const auto map_at = reinterpret_cast<std::uint64_t>(&map);
  const auto value_at = reinterpret_cast<std::uint64_t>(timer.value());
  const auto key_at = reinterpret_cast<std::uint64_t>(map.key_of(timer.value(), index));
  run.found_maps.push_back(map_at);
  run.regions.hand_out({key_at, map.spec().key_size, RegionKind::kMemory, false, 0});
  run.regions.hand_out(
      {value_at, map.spec().value_size, RegionKind::kMapValue, map.program_may_write(), map.id()});
  const Program& program = *timer.program();
  program.call(run, program, timer.function(), {map_at, key_at, value_at, 0, 0});
}

}  // namespace

std::uint32_t run_due_timers(RunContext& run, Nanoseconds now, TimerFault report, void* self) {
  std::uint32_t callbacks = 0;
  while (next_timer(run.cpu) <= now) {
    const auto timer = DueTimer::take(run.cpu, now);
    if (!timer) break;
    run_callback(run, *timer);
    ++callbacks;
    if (!run.fault.happened) continue;
    timer->program()->counters[run.cpu].faults.add(1);
    if (report != nullptr) report(self, *timer->program(), run.fault);
  }
  return callbacks;
}

}  // namespace netkit::bpf
