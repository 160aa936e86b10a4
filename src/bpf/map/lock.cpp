#include "bpf/map/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

namespace netkit::bpf {
namespace {

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* limit = nullptr) {
  return ::syscall(SYS_futex, &word, operation, value, limit, nullptr, 0);
}

}  // namespace

// Who comes from here takes the lock with kWaiters set, since others may still sleep: unlocking then wakes
// one more.
bool lock_sleeping(std::atomic<std::uint32_t>& word, std::int64_t limit) {
  using namespace lock_bits;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const timespec wait{limit / kSecond, limit % kSecond};
  const Nanoseconds end = limit == kForever ? 0 : monotonic_ns() + static_cast<Nanoseconds>(limit);
  std::uint32_t seen = word.load(std::memory_order_relaxed);
  while (true) {
    if ((seen & kHeld) == 0) {
      if (word.compare_exchange_weak(seen, seen | kHeld | kWaiters, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return true;
      }
      continue;
    }
    if ((seen & kWaiters) == 0 &&
        !word.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
      continue;
    }
    if (end != 0 && monotonic_ns() >= end) return false;
    futex(word, FUTEX_WAIT, seen | kWaiters, end == 0 ? nullptr : &wait);
    seen = word.load(std::memory_order_relaxed);
  }
}

void wake_waiter(std::atomic<std::uint32_t>& word) {
  futex(word, FUTEX_WAKE, 1);
}

}  // namespace netkit::bpf
