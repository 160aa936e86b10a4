// Sections in which nothing else may happen: read-side RCU, no preemption, no interrupts. A run is such a
// section as a whole (its thread reads under RCU, and owns its virtual CPU), so entering and leaving one does
// nothing here.
#include <cstdint>

#include "bpf/helper/call.h"
#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

void enter_or_leave(RunContext&) {}

void local_irq_save(RunContext&, std::uint64_t& flags) {
  flags = 0;
}
void local_irq_restore(RunContext&, std::uint64_t&) {}

constexpr Contract kSection = {.result = Return::kVoid};
constexpr Contract kWithFlags = {.arguments = {Arg::kIrqFlags}, .result = Return::kVoid};

constexpr Helper kKfuncs[] = {
    {.name = "bpf_local_irq_restore", .contract = kWithFlags, .function = helper_call<local_irq_restore>},
    {.name = "bpf_local_irq_save", .contract = kWithFlags, .function = helper_call<local_irq_save>},
    {.name = "bpf_preempt_disable", .contract = kSection, .function = helper_call<enter_or_leave>},
    {.name = "bpf_preempt_enable", .contract = kSection, .function = helper_call<enter_or_leave>},
    {.name = "bpf_rcu_read_lock", .contract = kSection, .function = helper_call<enter_or_leave>},
    {.name = "bpf_rcu_read_unlock", .contract = kSection, .function = helper_call<enter_or_leave>},
};

}  // namespace

std::span<const Helper> section_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
