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

inline constexpr std::int64_t kForever = -1;
// False: `limit` nanoseconds have passed.
bool lock_sleeping(std::atomic<std::uint32_t>& word, std::int64_t limit = kForever);
void wake_waiter(std::atomic<std::uint32_t>& word);

// Spins for as long as a short section takes, then sleeps. False as above.
inline bool acquire_lock(std::atomic<std::uint32_t>& word, std::int64_t limit = kForever) {
  constexpr int kSpins =
      200;  // about as long as the longest section under a lock, an update of a small value
  for (int i = 0; i < kSpins; ++i) {
    if (try_lock(word)) return true;
    pause_cpu();
  }
  return lock_sleeping(word, limit);
}

// `raise` is added to the sequence. Nobody but the holder changes it; others may set kWaiters until the
// exchange.
inline void release_lock(std::atomic<std::uint32_t>& word, std::uint32_t raise = 0) {
  const std::uint32_t sequence = word.load(std::memory_order_relaxed) & ~(lock_bits::kSequence - 1);
  const std::uint32_t before = word.exchange(sequence + raise, std::memory_order_acq_rel);
  if ((before & lock_bits::kWaiters) != 0) wake_waiter(word);
}

// The sequence as a reader without the lock compares it.
[[nodiscard]] inline std::uint32_t sequence_of(const std::atomic<std::uint32_t>& word) {
  return word.load(std::memory_order_acquire) / lock_bits::kSequence;
}

// Holds the lock for its life.
class MapLock {
 public:
  explicit MapLock(std::atomic<std::uint32_t>& word) : word_(word) { acquire_lock(word); }
  ~MapLock() { release_lock(word_, raise_); }
  MapLock(const MapLock&) = delete;
  MapLock& operator=(const MapLock&) = delete;

  // Readers without the lock that began before it is released will look again.
  void invalidate_readers() { raise_ = lock_bits::kSequence; }

 private:
  std::atomic<std::uint32_t>& word_;
  std::uint32_t raise_ = 0;
};

}  // namespace netkit::bpf
