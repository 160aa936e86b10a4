// bpf_timer: members of map values that have a function of a program called at a time of its choice.
//
// Theory of operation. The member holds the number of a timer of this process, 0 for none. A timer that was
// started waits in the queue of a virtual CPU, by its deadline on CLOCK_MONOTONIC; whoever owns that CPU
// takes what is due and runs the callback (bpf/exec/timers.h): a worker in its loop, which says so by a
// TimerLoop, or a test run and an embedder when they choose. A timer that is started on a CPU without a loop
// goes to one that has a loop, if there is any, and wakes it. Timers keep their program alive, but not their
// map: they go with the element, and all of them with the last user reference of the map.
//
// Operations give the kernel's errno (kernel/bpf/helpers.c). Starting, cancelling and taking timers share one
// lock, which is held for as long as the queue takes to change.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

class Map;

// `field` is the member in a value of `map`. EINVAL: the clock (the flags) is none of CLOCK_REALTIME,
// CLOCK_MONOTONIC and CLOCK_BOOTTIME; EBUSY: there is a timer already; EPERM: user space does not hold the
// map.
[[nodiscard]] std::int64_t timer_init(Map& map, void* field, std::uint64_t flags);
// What is called: `function` as the program names it. EINVAL: no timer; EPERM as above.
[[nodiscard]] std::int64_t timer_set_callback(void* field, ProgramRef program, std::uint64_t function);
// `after` is in nanoseconds; flags: kTimerAbsolute (a time of the timer's clock), kTimerPinned. EINVAL: other
// flags, no timer, no callback.
[[nodiscard]] std::int64_t timer_start(void* field, Nanoseconds after, std::uint64_t flags,
                                       std::uint32_t cpu);
// 1: it was waiting, 0: it was not. The callback is forgotten. EINVAL: no timer; EDEADLK: this CPU runs its
// callback.
[[nodiscard]] std::int64_t timer_cancel(void* field, std::uint32_t cpu);
// The element goes: the timer, if it has one, goes with it, without waiting for a callback that runs.
void free_timer(void* field);

inline constexpr std::uint64_t kTimerAbsolute = 1, kTimerPinned = 2;
inline constexpr Nanoseconds kNever = ~Nanoseconds{0};

// When the next timer of a CPU is due, on CLOCK_MONOTONIC; takes no lock.
[[nodiscard]] Nanoseconds next_timer(std::uint32_t cpu);

// A timer whose time has come, taken out of its queue. While it exists, its CPU counts as running it.
class DueTimer {
 public:
  // None: nothing of that CPU is due at `now`.
  [[nodiscard]] static std::optional<DueTimer> take(std::uint32_t cpu, Nanoseconds now);
  DueTimer(DueTimer&& other) noexcept;
  DueTimer& operator=(DueTimer&&) = delete;
  ~DueTimer();

  [[nodiscard]] Map& map() const { return *map_; }
  [[nodiscard]] const ProgramRef& program() const { return program_; }
  [[nodiscard]] std::uint64_t function() const { return function_; }
  [[nodiscard]] std::byte* value() const { return value_; }

 private:
  DueTimer(std::uint32_t cpu, std::shared_ptr<Map> map, ProgramRef program, std::uint64_t function,
           std::byte* value);
  std::uint32_t cpu_;
  std::shared_ptr<Map> map_;  // null: moved from
  ProgramRef program_;
  std::uint64_t function_;
  std::byte* value_;
};

// Says for its life that a loop runs the timers of a virtual CPU. `wake` (an eventfd) is written to when
// another thread starts a timer there.
class TimerLoop {
 public:
  TimerLoop(std::uint32_t cpu, int wake);
  ~TimerLoop();
  TimerLoop(const TimerLoop&) = delete;
  TimerLoop& operator=(const TimerLoop&) = delete;

 private:
  std::uint32_t cpu_;
};

}  // namespace netkit::bpf
