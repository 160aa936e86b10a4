// Locks that live in a map's region: a word of 32 bits that a thread spins on for a moment and then sleeps on
// (futex), because a worker that holds one may be preempted. The upper 30 bits belong to the lock's owner: a
// sequence number that it raises when readers without the lock must look again.
#pragma once

#include <atomic>
#include <cstdint>

namespace netkit::bpf {

namespace lock_bits {
inline constexpr std::uint32_t kHeld = 1;
inline constexpr std::uint32_t kWaiters = 2;  // somebody sleeps, or did
inline constexpr std::uint32_t kSequence = 4;
}  // namespace lock_bits

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

[[nodiscard]] inline bool try_lock(std::atomic<std::uint32_t>& word) {
  std::uint32_t seen = word.load(std::memory_order_relaxed);
  return (seen & lock_bits::kHeld) == 0 &&
         word.compare_exchange_weak(seen, seen | lock_bits::kHeld, std::memory_order_acquire,
                                    std::memory_order_relaxed);
}

void lock_sleeping(std::atomic<std::uint32_t>& word);
void wake_waiter(std::atomic<std::uint32_t>& word);

// The sequence as a reader without the lock compares it.
[[nodiscard]] inline std::uint32_t sequence_of(const std::atomic<std::uint32_t>& word) {
  return word.load(std::memory_order_acquire) / lock_bits::kSequence;
}

// Holds the lock for its life.
class MapLock {
 public:
  explicit MapLock(std::atomic<std::uint32_t>& word) : word_(word) {
    constexpr int kSpins =
        200;  // about as long as the longest section under a lock, an update of a small value
    for (int i = 0; i < kSpins; ++i) {
      if (try_lock(word_)) return;
      pause_cpu();
    }
    lock_sleeping(word_);
  }
  ~MapLock() {
    // Nobody but the holder changes the sequence; others may set kWaiters until the exchange.
    const std::uint32_t sequence = word_.load(std::memory_order_relaxed) & ~(lock_bits::kSequence - 1);
    const std::uint32_t before = word_.exchange(sequence + raise_, std::memory_order_acq_rel);
    if ((before & lock_bits::kWaiters) != 0) wake_waiter(word_);
  }
  MapLock(const MapLock&) = delete;
  MapLock& operator=(const MapLock&) = delete;

  // Readers without the lock that began before it is released will look again.
  void invalidate_readers() { raise_ = lock_bits::kSequence; }

 private:
  std::atomic<std::uint32_t>& word_;
  std::uint32_t raise_ = 0;
};

}  // namespace netkit::bpf
