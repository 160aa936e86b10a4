// The counters of devices and programs under the names that a topology and the summary have for them.
#pragma once

#include <cstdint>
#include <variant>

#include "bpf/run/program.h"
#include "device/device.h"
#include "topology/step.h"

namespace netkit::runner {

// A statistic of the device, or what it dropped for a reason: in both directions, ports included.
[[nodiscard]] std::uint64_t device_count(const device::Device& device,
                                         const std::variant<topology::DeviceCounter, DropReason>& counter);

// Sums over all virtual CPUs.
struct ProgramTotals {
  std::uint64_t runs = 0;
  std::uint64_t next = 0, pass = 0, drop = 0, redirect = 0;
  std::uint64_t faults = 0;
  std::uint64_t nanoseconds = 0;
};
[[nodiscard]] ProgramTotals totals_of(const bpf::Program& program);
[[nodiscard]] std::uint64_t program_count(const bpf::Program& program, topology::ProgramCounter counter);

}  // namespace netkit::runner
