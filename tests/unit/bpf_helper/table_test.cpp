#include <gtest/gtest.h>

#include <vector>

#include "bpf/helper/helper.h"

namespace netkit::bpf {
namespace {

TEST(HelperTable, EveryRowHasTheKernelsNameForItsNumber) {
  for (const Helper* helper : all_helpers()) {
    EXPECT_EQ(helper->name, kernel_helper_name(helper->number));
    EXPECT_NE(helper->function, nullptr);
  }
}

TEST(HelperTable, NumbersRiseAndAreFound) {
  std::uint32_t last = 0;
  for (const Helper* helper : all_helpers()) {
    EXPECT_GT(helper->number, last);
    EXPECT_EQ(find_helper(helper->number), helper);
    last = helper->number;
  }
}

TEST(HelperTable, HoldsWhatTheFirstProgramsNeed) {
  for (const std::uint32_t number : std::vector<std::uint32_t>{1,  2,  3,  5,  6,  7,  8,  9,  10, 11, 12,
                                                               23, 26, 28, 32, 34, 38, 39, 41, 43, 68, 177}) {
    EXPECT_NE(find_helper(number), nullptr) << kernel_helper_name(number);
  }
}

TEST(HelperTable, SizesFollowTheMemoryTheyBelongTo) {
  for (const Helper* helper : all_helpers()) {
    const auto& arguments = helper->contract.arguments;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const bool memory = arguments[i] == Arg::kMem || arguments[i] == Arg::kMemOrNull ||
                          arguments[i] == Arg::kPacketMem || arguments[i] == Arg::kPacketMemOrNull ||
                          arguments[i] == Arg::kOutMem || arguments[i] == Arg::kOutMemOrNull ||
                          arguments[i] == Arg::kValueMem || arguments[i] == Arg::kBuffer;
      const bool size = i + 1 < arguments.size() &&
                        (arguments[i + 1] == Arg::kSize || arguments[i + 1] == Arg::kSizeOrZero);
      EXPECT_EQ(memory, size) << helper->name << " argument " << i + 1;
    }
  }
}

TEST(HelperTable, KnowsTheNamesOfHelpersItLacks) {
  EXPECT_EQ(kernel_helper_name(27), "get_stackid");
  EXPECT_EQ(find_helper(27), nullptr);
  EXPECT_EQ(kernel_helper_name(211), "cgrp_storage_delete");
}

TEST(HelperTable, HasNoNameOutsideTheKernelsNumbers) {
  EXPECT_EQ(kernel_helper_name(0), "");
  EXPECT_EQ(kernel_helper_name(212), "");
  EXPECT_EQ(find_helper(0), nullptr);
  EXPECT_EQ(find_helper(212), nullptr);
  EXPECT_EQ(find_helper(0xffff'ffff), nullptr);
}

}  // namespace
}  // namespace netkit::bpf
