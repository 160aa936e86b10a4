// What the machine is and rolls: bpf_get_prandom_u32, bpf_get_smp_processor_id, bpf_get_numa_node_id.
#include <bit>
#include <cstdint>
#include <random>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

// xoshiro128++ of Blackman and Vigna: fast, and good enough for what the kernel calls pseudo-random.
class Random {
 public:
  Random() {
    std::random_device seed;
    for (std::uint32_t& word : state_) word = seed();
    state_[0] |= 1;  // never all zero
  }

  std::uint32_t next() {
    const std::uint32_t result = std::rotl(state_[0] + state_[3], 7) + state_[0];
    const std::uint32_t shifted = state_[1] << 9;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 11);
    return result;
  }

 private:
  std::uint32_t state_[4];
};

std::uint32_t get_prandom_u32(RunContext& run) {
  const Outside& outside = *run.outside;
  if (outside.random != nullptr) return outside.random(outside.self);
  thread_local Random random;
  return random.next();
}

std::uint32_t get_smp_processor_id(RunContext& run) {
  return run.cpu;
}

// One node, as a kernel without CONFIG_NUMA says.
std::int64_t get_numa_node_id(RunContext&) {
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 7, .name = "get_prandom_u32", .contract = {}, .function = helper_call<get_prandom_u32>},
    {.number = 8,
     .name = "get_smp_processor_id",
     .contract = {},
     .function = helper_call<get_smp_processor_id>},
    {.number = 42, .name = "get_numa_node_id", .contract = {}, .function = helper_call<get_numa_node_id>},
};

}  // namespace

std::span<const Helper> machine_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
