#include "bpf/run/program.h"

#include <atomic>

namespace netkit::bpf {
namespace {

// The switch is the lowest bit, holders count above it.
constexpr std::uint32_t kSwitch = 1, kHolder = 2;
std::atomic<std::uint32_t> timing{0};

}  // namespace

bool program_timing() {
  return timing.load(std::memory_order_relaxed) != 0;
}

void set_program_timing(bool on) {
  if (on) {
    timing.fetch_or(kSwitch, std::memory_order_relaxed);
  } else {
    timing.fetch_and(~kSwitch, std::memory_order_relaxed);
  }
}

ProgramTiming::ProgramTiming() {
  timing.fetch_add(kHolder, std::memory_order_relaxed);
}
ProgramTiming::~ProgramTiming() {
  timing.fetch_sub(kHolder, std::memory_order_relaxed);
}

}  // namespace netkit::bpf
