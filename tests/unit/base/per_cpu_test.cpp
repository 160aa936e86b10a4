#include "base/per_cpu.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace netkit {
namespace {

TEST(PerCpu, ThereAreAsManyAsTheMachinesPossibleCpus) {
  EXPECT_GE(possible_cpus(), static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
}

TEST(PerCpu, SlotsDoNotShareACacheLine) {
  PerCpu<Counter> counters;
  if (possible_cpus() < 2) GTEST_SKIP() << "one CPU";
  const auto distance =
      reinterpret_cast<std::uintptr_t>(&counters[1]) - reinterpret_cast<std::uintptr_t>(&counters[0]);
  EXPECT_GE(distance, kCacheLine);
}

TEST(PerCpu, ASumVisitsEverySlot) {
  PerCpu<Counter> counters;
  for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu) counters[cpu].add(cpu + 1);
  std::uint64_t sum = 0;
  counters.for_each([&](const Counter& counter) { sum += counter.get(); });
  EXPECT_EQ(sum, std::uint64_t{possible_cpus()} * (possible_cpus() + 1) / 2);
}

}  // namespace
}  // namespace netkit
