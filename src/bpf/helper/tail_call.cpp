// bpf_tail_call: finds the program and leaves it for the engine (RunContext::tail_target).
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

// Falls through without a word when the index is out of range, the slot is empty or the chain is used up.
// Only a call that happens counts, as in the kernel's compilers.
void tail_call(RunContext& run, ContextPointer, Map& programs, std::uint32_t index) {
  run.tail_target = nullptr;
  if (run.tail_calls >= kMaxTailCalls) return;
  const void* slot = programs.operations().lookup(programs, &index, run.cpu);
  if (slot == nullptr) return;
  run.tail_target = ProgramTable::instance().find_running(*static_cast<const std::uint32_t*>(slot));
  if (run.tail_target != nullptr) ++run.tail_calls;
}

constexpr Helper kHelpers[] = {
    {.number = 12,
     .name = "tail_call",
     .contract = {.arguments = {Arg::kContext, Arg::kMap, Arg::kAnything},
                  .result = Return::kVoid,
                  .effects = kTailCall | kChangesPacket},
     .function = helper_call<tail_call>},
};

}  // namespace

std::span<const Helper> tail_call_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
