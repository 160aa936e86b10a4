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
                          arguments[i] == Arg::kValueMem || arguments[i] == Arg::kInOutMem ||
                          arguments[i] == Arg::kBuffer;
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

// Every row of section 3 of docs/spec/tc-bpf-context.md, and every helper that real programs were seen to
// call.
TEST(HelperTable, HoldsEveryHelperOfTheKernelForProgramsOfThisTypeOrSaysWhyNot) {
  const std::vector<std::uint32_t> packets = {9,  26, 68, 39, 38,  43,  50, 31, 32, 18, 19,
                                              34, 41, 48, 97, 192, 163, 10, 11, 28, 40, 135};
  const std::vector<std::uint32_t> ways = {23,  152, 155, 13, 69, 24, 20,  21,  29,  30,  66,  84,  85,  99,
                                           86,  124, 95,  96, 98, 46, 122, 47,  100, 110, 204, 205, 206, 207,
                                           107, 108, 17,  33, 79, 83, 151, 136, 137, 138, 139, 140, 178, 196};
  const std::vector<std::uint32_t> maps = {1, 2, 3, 87, 88, 89, 195, 164, 12, 93, 94};
  const std::vector<std::uint32_t> others = {5,   125, 160, 208, 118, 7,   8,   42,  14,  15,  16,  35,  80,
                                             123, 25,  130, 131, 132, 133, 134, 198, 199, 200, 6,   177, 165,
                                             182, 105, 106, 181, 169, 170, 171, 172, 197, 201, 202, 203};
  for (const auto& group : {packets, ways, maps, others}) {
    for (const std::uint32_t number : group) {
      EXPECT_NE(find_helper(number), nullptr) << kernel_helper_name(number);
      EXPECT_EQ(refused_helper(number), "") << kernel_helper_name(number);
    }
  }
  for (const std::uint32_t number : {22U,  36U,  37U,  55U,  109U, 117U, 120U, 141U, 149U, 153U, 154U,
                                     156U, 157U, 158U, 175U, 176U, 180U, 194U, 209U, 210U, 211U}) {
    EXPECT_EQ(find_helper(number), nullptr) << kernel_helper_name(number);
    EXPECT_NE(refused_helper(number), "") << kernel_helper_name(number);
  }
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
