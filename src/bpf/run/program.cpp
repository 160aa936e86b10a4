#include "bpf/run/program.h"

#include <atomic>

namespace netkit::bpf {
namespace {
std::atomic<bool> timing{false};
}

void set_program_timing(bool on) {
  timing.store(on, std::memory_order_relaxed);
}
bool program_timing() {
  return timing.load(std::memory_order_relaxed);
}

}  // namespace netkit::bpf
