// Helpers that work on maps, here and in the running kernel: what each call answers, and what the maps hold
// afterwards.
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <cstring>

#include "packet/builder.h"
#include "tests/differential/test_run.h"

namespace netkit::differential {
namespace {

const std::string kObject = std::string(NETKIT_DIFFERENTIAL_OBJECTS) + "/map_helpers.o";

// On one CPU, so that both engines use the same copies of per-CPU values.
void stay_on_first_cpu() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  ASSERT_EQ(::sched_setaffinity(0, sizeof first, &first), 0);
}

std::array<std::int64_t, 64> results_of(Engine& engine) {
  std::array<std::int64_t, 64> results{};
  const auto contents = engine.read_map("map_help.bss");
  EXPECT_TRUE(contents && contents->size() == 1 && contents->begin()->second.size() >= sizeof results);
  if (contents) std::memcpy(results.data(), contents->begin()->second.data(), sizeof results);
  return results;
}

struct Case {
  const char* program;
  std::vector<const char*> maps;  // compared beside "results"

  friend void PrintTo(const Case& tested, std::ostream* out) { *out << tested.program; }
};

class MapHelpersDifferential : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Programs, MapHelpersDifferential,
    testing::Values(Case{"containers", {}},
                    Case{"walks", {"array", "hash", "lru", "percpu_array", "percpu_hash"}},
                    Case{"other_cpus", {"percpu_array", "percpu_hash"}}, Case{"ring_buffer", {}},
                    Case{"locks", {"guarded_array", "guarded_hash"}}, Case{"timer_calls", {"timers"}},
                    Case{"perf_output", {}}),
    [](const testing::TestParamInfo<Case>& tested) { return std::string(tested.param.program); });

TEST_P(MapHelpersDifferential, AnswerTheSame) {
  stay_on_first_cpu();
  auto kernel = load_in_kernel(kObject);
  if (!kernel && kernel.error().code == EPERM) GTEST_SKIP() << "loading programs into the kernel needs root";
  ASSERT_TRUE(kernel) << netkit::describe(kernel.error());
  auto ours = load_here(kObject);
  ASSERT_TRUE(ours) << netkit::describe(ours.error());

  const TestInput input{.packet = PacketBuilder()
                                      .ethernet({{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}})
                                      .ip("10.0.0.1", "10.0.0.2")
                                      .udp(1, 2)
                                      .pattern(20)
                                      .bytes()};
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto in_kernel = (*kernel)->run(GetParam().program, input);
    ASSERT_TRUE(in_kernel) << netkit::describe(in_kernel.error());
    const auto here = (*ours)->run(GetParam().program, input);
    ASSERT_TRUE(here) << netkit::describe(here.error());
    EXPECT_EQ(here->verdict, in_kernel->verdict);

    const auto kernels_results = results_of(**kernel), our_results = results_of(**ours);
    for (std::size_t call = 0; call < kernels_results.size(); ++call)
      EXPECT_EQ(our_results[call], kernels_results[call]) << "call " << call;
    for (const char* map : GetParam().maps) {
      const auto kernels = (*kernel)->read_map(map), our = (*ours)->read_map(map);
      ASSERT_TRUE(kernels && our) << map;
      EXPECT_EQ(*our, *kernels) << map;
    }
  }
}

}  // namespace
}  // namespace netkit::differential
