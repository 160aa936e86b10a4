// bpf_tail_call: finds the program and leaves it for the engine (RunContext::tail_target).
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/prog_array.h"

namespace netkit::bpf {
namespace {

// Falls through without a word when the index is out of range, the slot is empty or the chain is used up.
// Only a call that happens counts, as in the kernel's compilers.
void tail_call(RunContext& run, ContextPointer, const Map& programs, std::uint32_t index) {
  run.tail_target = run.tail_calls < kMaxTailCalls ? tail_call_target(programs, index) : nullptr;
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
