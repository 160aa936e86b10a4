// Virtual CPUs. There are as many as the machine has possible CPUs, and every thread that runs programs owns
// one while it does: per-CPU values, per-CPU counters and bpf_get_smp_processor_id go by its number.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/result.h"

namespace netkit::bpf {

// Ownership of one virtual CPU by one thread; given back at the end of its life.
class VirtualCpu {
 public:
  // The lowest free one. Waits for one to be released while all are taken; EAGAIN when `limit` has passed.
  [[nodiscard]] static Result<VirtualCpu> acquire(std::chrono::milliseconds limit = std::chrono::seconds(10));

  VirtualCpu(VirtualCpu&& other) noexcept : number_(std::exchange(other.number_, std::nullopt)) {}
  VirtualCpu& operator=(VirtualCpu&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~VirtualCpu();

  [[nodiscard]] std::uint32_t number() const { return *number_; }  // below possible_cpus()

 private:
  explicit VirtualCpu(std::uint32_t number) : number_(number) {}
  std::optional<std::uint32_t> number_;
};

}  // namespace netkit::bpf
