// Reading memory of the kernel: bpf_probe_read_kernel, bpf_probe_read_kernel_str and, since there is no user
// space below a program here, their forms for user memory, which find nothing; the kfuncs that give a pointer
// a type. Source: kernel/trace/bpf_trace.c, kernel/bpf/helpers.c.
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"
#include "bpf/run/kernel_images.h"

namespace netkit::bpf {
namespace {

std::int64_t probe_read_kernel(RunContext& run, std::byte* to, std::uint32_t size, std::uint64_t address) {
  if (read_kernel_memory(run, address, {to, size})) return 0;
  std::memset(to, 0, size);
  return unreadable(address);
}

// Bytes copied with the zero behind them; a string that is too long is cut.
std::int64_t probe_read_kernel_str(RunContext& run, std::byte* to, std::uint32_t size,
                                   std::uint64_t address) {
  for (std::uint32_t i = 0; i < size; ++i) {
    if (!read_kernel_memory(run, address + i, {to + i, 1})) {
      std::memset(to, 0, size);
      return i == 0 ? unreadable(address) : -EFAULT;
    }
    if (to[i] == std::byte{0}) return i + std::int64_t{1};
  }
  if (size != 0) to[size - 1] = std::byte{0};
  return size;
}

std::int64_t probe_read_user(RunContext&, std::byte* to, std::uint32_t size, std::uint64_t) {
  std::memset(to, 0, size);
  return size == 0 ? 0 : -EFAULT;
}

std::uint64_t cast_to_kern_ctx(RunContext& run, ContextPointer) {
  run.kernel.in_use = true;
  return run.kernel.skb_address();
}

// The type says how the program reads, which loads do not ask about.
std::uint64_t rdonly_cast(RunContext& run, std::uint64_t address, std::uint32_t) {
  run.kernel.in_use = true;
  return address == run.context_address() ? run.kernel.skb_address() : address;
}

constexpr Contract kProbe{.arguments = {Arg::kOutMem, Arg::kSizeOrZero, Arg::kAnything},
                          .effects = kGplOnly | kNeedsPerfmon};

constexpr Helper kHelpers[] = {
    {.number = 112, .name = "probe_read_user", .contract = kProbe, .function = helper_call<probe_read_user>},
    {.number = 113,
     .name = "probe_read_kernel",
     .contract = kProbe,
     .function = helper_call<probe_read_kernel>},
    {.number = 114,
     .name = "probe_read_user_str",
     .contract = kProbe,
     .function = helper_call<probe_read_user>},
    {.number = 115,
     .name = "probe_read_kernel_str",
     .contract = kProbe,
     .function = helper_call<probe_read_kernel_str>},
};

constexpr Helper kKfuncs[] = {
    {.name = "bpf_cast_to_kern_ctx",
     .contract = {.arguments = {Arg::kContext}},
     .function = helper_call<cast_to_kern_ctx>},
    {.name = "bpf_rdonly_cast",
     .contract = {.arguments = {Arg::kAnything, Arg::kAnything}, .effects = kNeedsPerfmon},
     .function = helper_call<rdonly_cast>},
};

}  // namespace

std::span<const Helper> kernel_memory_helpers() {
  return kHelpers;
}

std::span<const Helper> cast_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
