// bpf_timer_init, bpf_timer_set_callback, bpf_timer_start, bpf_timer_cancel.
#include "bpf/map/timer.h"

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

std::int64_t init(RunContext&, void* timer, Map& map, std::uint64_t flags) {
  return timer_init(map, timer, flags);
}
std::int64_t set_callback(RunContext& run, void* timer, std::uint64_t function) {
  return timer_set_callback(timer, ProgramTable::instance().find(run.program->id), function);
}
std::int64_t start(RunContext& run, void* timer, std::uint64_t nanoseconds, std::uint64_t flags) {
  return timer_start(timer, nanoseconds, flags, run.cpu);
}
std::int64_t cancel(RunContext& run, void* timer) {
  return timer_cancel(timer, run.cpu);
}

constexpr Helper kHelpers[] = {
    {.number = 169,
     .name = "timer_init",
     .contract = {.arguments = {Arg::kTimer, Arg::kMap, Arg::kAnything}, .effects = kGplOnly},
     .function = helper_call<init>},
    {.number = 170,
     .name = "timer_set_callback",
     .contract = {.arguments = {Arg::kTimer, Arg::kFunction}, .effects = kGplOnly},
     .function = helper_call<set_callback>},
    {.number = 171,
     .name = "timer_start",
     .contract = {.arguments = {Arg::kTimer, Arg::kAnything, Arg::kAnything}, .effects = kGplOnly},
     .function = helper_call<start>},
    {.number = 172,
     .name = "timer_cancel",
     .contract = {.arguments = {Arg::kTimer}, .effects = kGplOnly},
     .function = helper_call<cancel>},
};

}  // namespace

std::span<const Helper> timer_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
