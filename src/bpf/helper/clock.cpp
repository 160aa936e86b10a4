// Clocks: bpf_ktime_get_ns and its relatives, bpf_jiffies64.
#include <ctime>

#include "base/clock.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kTicksPerSecond = 250;  // CONFIG_HZ of the kernel we stand for
// The kernel lets its tick counter wrap five minutes after the start, to flush out bugs (INITIAL_JIFFIES).
constexpr std::uint64_t kFirstTick =
    static_cast<std::uint32_t>(-300 * static_cast<std::int32_t>(kTicksPerSecond));

template <clockid_t clock>
std::uint64_t ktime(RunContext& run) {
  const Outside& outside = *run.outside;
  return outside.clock != nullptr ? outside.clock(outside.self, clock) : clock_ns(clock);
}

std::uint64_t jiffies64(RunContext& run) {
  return kFirstTick + ktime<CLOCK_MONOTONIC>(run) / (1'000'000'000 / kTicksPerSecond);
}

constexpr Helper kHelpers[] = {
    {.number = 5, .name = "ktime_get_ns", .contract = {}, .function = helper_call<ktime<CLOCK_MONOTONIC>>},
    {.number = 118, .name = "jiffies64", .contract = {}, .function = helper_call<jiffies64>},
    {.number = 125,
     .name = "ktime_get_boot_ns",
     .contract = {},
     .function = helper_call<ktime<CLOCK_BOOTTIME>>},
    {.number = 160,
     .name = "ktime_get_coarse_ns",
     .contract = {},
     .function = helper_call<ktime<CLOCK_MONOTONIC_COARSE>>},
    {.number = 208, .name = "ktime_get_tai_ns", .contract = {}, .function = helper_call<ktime<CLOCK_TAI>>},
};

}  // namespace

std::span<const Helper> clock_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
