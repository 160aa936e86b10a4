#include "bpf/run/vcpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "base/per_cpu.h"

namespace netkit::bpf {
namespace {

using std::chrono::milliseconds;

std::vector<VirtualCpu> take_all() {
  std::vector<VirtualCpu> cpus;
  for (std::uint32_t n = 0; n < possible_cpus(); ++n) cpus.push_back(*VirtualCpu::acquire());
  return cpus;
}

TEST(VirtualCpu, there_are_as_many_as_possible_cpus) {
  std::set<std::uint32_t> numbers;
  for (const VirtualCpu& cpu : take_all()) numbers.insert(cpu.number());
  EXPECT_EQ(numbers.size(), possible_cpus());
  EXPECT_EQ(*numbers.rbegin(), possible_cpus() - 1);
}

TEST(VirtualCpu, acquiring_waits_no_longer_than_told) {
  const auto all = take_all();
  const auto none = VirtualCpu::acquire(milliseconds(20));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, EAGAIN);
  EXPECT_THAT(none.error().text, testing::HasSubstr("virtual CPUs are taken, none was released in 20 ms"));
}

TEST(VirtualCpu, a_released_one_goes_to_who_waits) {
  auto all = take_all();
  std::atomic<std::uint32_t> got = possible_cpus();
  std::thread waiting([&] { got = VirtualCpu::acquire(std::chrono::seconds(10))->number(); });
  std::this_thread::sleep_for(milliseconds(20));
  const std::uint32_t released = all.back().number();
  all.pop_back();
  waiting.join();
  EXPECT_EQ(got, released);
}

TEST(VirtualCpu, moving_one_keeps_it) {
  auto first = *VirtualCpu::acquire();
  const std::uint32_t number = first.number();
  const VirtualCpu second = std::move(first);
  EXPECT_EQ(second.number(), number);
}

}  // namespace
}  // namespace netkit::bpf
