// bpf_loop: a bounded loop whose body is a function of the program.
#include <cerrno>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kMaxLoops = 8U << 20;  // BPF_MAX_LOOPS

// Returns the number of iterations executed, the one that asked to stop included.
std::int64_t loop(RunContext& run, std::uint32_t count, std::uint64_t body, std::uint64_t context,
                  std::uint64_t flags) {
  if (flags != 0) return -EINVAL;
  if (count > kMaxLoops) return -E2BIG;
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool stop = run.call_back(run, body, {i, context, 0, 0, 0}) != 0;
    if (stop || run.fault.happened) return std::int64_t{i} + 1;
  }
  return count;
}

constexpr Helper kHelpers[] = {
    {.number = 181,
     .name = "loop",
     .contract = {.arguments = {Arg::kAnything, Arg::kFunction, Arg::kStackOrNull, Arg::kAnything}},
     .function = helper_call<loop>},
};

}  // namespace

std::span<const Helper> loop_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
