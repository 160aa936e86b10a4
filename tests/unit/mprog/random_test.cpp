// Random requests, 100,000 of them, on the engine and on a model of its lists: every answer and every state
// must be equal, and nothing may be left at the end. A failure prints the shortest sequence that still fails.
#include <gtest/gtest.h>

#include "base/rcu.h"
#include "bpf/map/tables.h"
#include "device/link.h"
#include "tests/support/attach_actions.h"
#include "tests/support/engine_attach_world.h"
#include "tests/unit/mprog/list_model.h"

namespace netkit::testing {
namespace {

using bpf::AttachType;

// A netkit pair with its four lists, and two devices with those of tcx.
const std::vector<Hook> kHooks = {{0, AttachType::kNetkitPrimary}, {0, AttachType::kNetkitPeer},
                                  {0, AttachType::kTcxIngress},    {0, AttachType::kTcxEgress},
                                  {1, AttachType::kTcxIngress},    {1, AttachType::kTcxEgress},
                                  {2, AttachType::kTcxEgress}};
const std::vector<DeviceForm> kDevices = {DeviceForm::kNetkit, DeviceForm::kVeth, DeviceForm::kDummy};

std::string play(const std::vector<Hook>& hooks, const ActionMix& mix, std::uint64_t seed, int count) {
  return play_random(
      mix, seed, count, [&] { return std::make_unique<ListModel>(hooks); },
      [&] { return std::make_unique<EngineAttachWorld>(hooks, kDevices); });
}

class RandomRequests : public ::testing::Test {
 protected:
  RandomRequests() {
    rcu::drain();
    programs_ = bpf::ProgramTable::instance().ids();
    links_ = device::LinkTable::instance().ids();
  }
  void expect_nothing_left() {
    rcu::drain();
    EXPECT_EQ(bpf::ProgramTable::instance().ids(), programs_);
    EXPECT_EQ(device::LinkTable::instance().ids(), links_);
  }

 private:
  std::vector<std::uint32_t> programs_;
  std::vector<std::uint32_t> links_;
};

TEST_F(RandomRequests, SeveralListsAnswerLikeTheModel) {
  constexpr int kSequences = 240;
  constexpr int kLength = 250;
  for (std::uint64_t seed = 1; seed <= kSequences; ++seed) {
    ASSERT_EQ(play(kHooks, {.hooks = kHooks, .devices = 3, .moves = true}, seed, kLength), "");
  }
  expect_nothing_left();
}

TEST_F(RandomRequests, OneListThatGrowsFullAnswersLikeTheModel) {
  constexpr int kSequences = 20;
  constexpr int kLength = 2000;
  for (const Hook& hook : {kHooks[0], kHooks[2]}) {
    for (std::uint64_t seed = 1; seed <= kSequences / 2; ++seed) {
      ASSERT_EQ(play({hook}, {.hooks = {hook}, .devices = 1, .grows = true}, seed, kLength), "");
    }
  }
  expect_nothing_left();
}

}  // namespace
}  // namespace netkit::testing
