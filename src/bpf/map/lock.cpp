#include "bpf/map/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace netkit::bpf {
namespace {

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  return ::syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

// Who comes from here takes the lock with kWaiters set, since others may still sleep: unlocking then wakes
// one more.
void lock_sleeping(std::atomic<std::uint32_t>& word) {
  using namespace lock_bits;
  std::uint32_t seen = word.load(std::memory_order_relaxed);
  while (true) {
    if ((seen & kHeld) == 0) {
      if (word.compare_exchange_weak(seen, seen | kHeld | kWaiters, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return;
      }
      continue;
    }
    if ((seen & kWaiters) == 0 &&
        !word.compare_exchange_weak(seen, seen | kWaiters, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
      continue;
    }
    futex(word, FUTEX_WAIT, seen | kWaiters);
    seen = word.load(std::memory_order_relaxed);
  }
}

void wake_waiter(std::atomic<std::uint32_t>& word) {
  futex(word, FUTEX_WAKE, 1);
}

}  // namespace netkit::bpf
