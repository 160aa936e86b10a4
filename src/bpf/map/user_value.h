// How user space sees a value that exists once per CPU: all copies in a row, each rounded up to 8 bytes, or
// with kUpdateCpu one of them and with kUpdateAllCpus one for all, both of the plain value size.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/per_cpu.h"
#include "bpf/map/value.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

// Update flags without those that choose CPUs.
[[nodiscard]] constexpr std::uint64_t without_cpu(std::uint64_t flags) {
  return static_cast<std::uint32_t>(flags) & ~std::uint64_t{kUpdateCpu | kUpdateAllCpus};
}

// Visits the copies that a command with these flags is about: visit(cpu, offset in the user's buffer, bytes).
template <class Visit>
void for_each_copy(bool per_cpu, std::uint32_t value_size, std::uint64_t flags, Visit visit) {
  if (!per_cpu) {
    visit(0U, std::size_t{0}, std::size_t{value_size});
  } else if ((flags & kUpdateCpu) != 0) {
    visit(static_cast<std::uint32_t>(flags >> 32), std::size_t{0}, std::size_t{value_size});
  } else {
    const bool same_for_all = (flags & kUpdateAllCpus) != 0;
    const std::size_t bytes = same_for_all ? value_size : round_up_8(value_size);
    for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu)
      visit(cpu, same_for_all ? 0 : cpu * bytes, bytes);
  }
}

}  // namespace netkit::bpf
