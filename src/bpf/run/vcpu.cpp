#include "bpf/run/vcpu.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "base/per_cpu.h"

namespace netkit::bpf {
namespace {

struct Cpus {
  std::mutex mutex;
  std::condition_variable released;
  std::vector<bool> taken = std::vector<bool>(possible_cpus());
};

// Never destroyed: threads may still give CPUs back while the process ends.
Cpus& cpus() {
  static auto* const all = new Cpus;
  return *all;
}

}  // namespace

Result<VirtualCpu> VirtualCpu::acquire(std::chrono::milliseconds limit) {
  Cpus& all = cpus();
  std::unique_lock lock(all.mutex);
  auto free = all.taken.end();
  const auto find_free = [&] { return (free = std::ranges::find(all.taken, false)) != all.taken.end(); };
  if (!all.released.wait_for(lock, limit, find_free)) {
    return fail(EAGAIN, "all " + std::to_string(all.taken.size()) +
                            " virtual CPUs are taken, none was released in " + std::to_string(limit.count()) +
                            " ms; run fewer programs at once");
  }
  *free = true;
  return VirtualCpu(static_cast<std::uint32_t>(free - all.taken.begin()));
}

VirtualCpu::~VirtualCpu() {
  if (!number_) return;
  Cpus& all = cpus();
  {
    const std::scoped_lock lock(all.mutex);
    all.taken[*number_] = false;
  }
  all.released.notify_one();
}

}  // namespace netkit::bpf
