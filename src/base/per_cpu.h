// One value per virtual CPU, each on its own cache line: written by the CPU's owner alone, summed by readers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace netkit {

inline constexpr std::size_t kCacheLine = 64;

// The number of virtual CPUs: that of the machine's possible CPUs (/sys/devices/system/cpu/possible).
// Read once; per-CPU map values have as many copies.
[[nodiscard]] std::uint32_t possible_cpus();

// A counter with one writer at a time and any number of readers: a plain add for the writer, never torn.
class Counter {
 public:
  void add(std::uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

template <class T>
class PerCpu {
 public:
  PerCpu() : slots_(std::make_unique<Slot[]>(possible_cpus())) {}

  [[nodiscard]] T& operator[](std::uint32_t cpu) { return slots_[cpu].value; }
  [[nodiscard]] const T& operator[](std::uint32_t cpu) const { return slots_[cpu].value; }

  template <class Visit>
  void for_each(Visit visit) const {
    for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu) visit(slots_[cpu].value);
  }

 private:
  struct alignas(kCacheLine) Slot {
    T value{};
  };
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace netkit
