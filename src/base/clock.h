// Time as the data path sees it: nanoseconds since the clock's own zero, 64 bits.
#pragma once

#include <ctime>

#include <cstdint>

namespace netkit {

using Nanoseconds = std::uint64_t;

[[nodiscard]] inline Nanoseconds clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<Nanoseconds>(now.tv_sec) * 1'000'000'000U + static_cast<Nanoseconds>(now.tv_nsec);
}
// CLOCK_MONOTONIC, the clock of bpf_ktime_get_ns.
[[nodiscard]] inline Nanoseconds monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}
[[nodiscard]] inline Nanoseconds realtime_ns() {
  return clock_ns(CLOCK_REALTIME);
}

}  // namespace netkit
