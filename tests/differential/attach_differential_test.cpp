// Random requests about programs and links on the running kernel and on the engine: errno, lists, revisions,
// owners and the life of programs must be equal. The kernel's side is tcx on veth; there is netkit in few
// running kernels, and its lists have the same rules (spec mprog-attach.md 10). No difference between kernel
// versions is known for tcx (spec kernel-findings.md: 6.12 and 7.3 agree), so none is excused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "tests/differential/kernel_attach_world.h"
#include "tests/support/engine_attach_world.h"

namespace netkit::differential {
namespace {

using bpf::AttachType;
using testing::DeviceForm;
using testing::EngineAttachWorld;

const std::vector<Hook> kHooks = {
    {0, AttachType::kTcxIngress}, {0, AttachType::kTcxEgress}, {1, AttachType::kTcxIngress}};
const std::vector<DeviceForm> kDevices = {DeviceForm::kVeth, DeviceForm::kVeth};
constexpr int kLength = 150;
constexpr int kLongLength = 1000;
constexpr int kMostSequences = 100;
// Every change waits for a grace period of the kernel's: the machine decides how many sequences fit.
constexpr std::chrono::seconds kEnough{40};

std::unique_ptr<testing::AttachWorld> engine() {
  return std::make_unique<EngineAttachWorld>(kHooks, kDevices);
}
std::unique_ptr<testing::AttachWorld> kernel() {
  return std::make_unique<KernelAttachWorld>(kHooks, static_cast<int>(kDevices.size()));
}

std::string play_all() {
  const auto start = std::chrono::steady_clock::now();
  std::uint64_t seed = 1;
  for (; seed <= kMostSequences && std::chrono::steady_clock::now() - start < kEnough; ++seed) {
    // Every tenth: one list that grows until it is full.
    const bool grows = seed % 10 == 0;
    const testing::ActionMix mix{
        .hooks = grows ? std::vector{kHooks.front()} : kHooks, .devices = 2, .moves = false, .grows = grows};
    std::string difference = testing::play_random(mix, seed, grows ? kLongLength : kLength, kernel, engine);
    if (!difference.empty()) return difference;
  }
  std::cout << seed - 1 << " sequences answered alike\n";
  return {};
}

TEST(AttachDifferential, RandomRequestsAreAnsweredAsTheKernelDoes) {
  if (::geteuid() != 0) GTEST_SKIP() << "bpf(2) and network namespaces need root";
  std::string outcome;
  // The namespace belongs to the thread and goes with it.
  std::jthread([&] { outcome = enter_fresh_namespace() ? play_all() : "no namespace of our own"; }).join();
  EXPECT_EQ(outcome, "");
}

}  // namespace
}  // namespace netkit::differential
