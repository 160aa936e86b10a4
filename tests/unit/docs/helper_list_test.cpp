// docs/helpers.md lists exactly the helpers and kernel functions that there are, and those that are refused.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"
#include "tests/support/markdown.h"

namespace netkit::testing {
namespace {

// The family of a helper is the file that has it.
std::string_view family_of(const bpf::Helper& helper, std::span<const bpf::HelperFamily> families) {
  for (const bpf::HelperFamily& family : families)
    for (const bpf::Helper& member : family.helpers())
      if (&member == &helper) return family.name;
  return "none";
}

// The rows below the heading, their first `columns` cells in one line each.
std::vector<std::string> rows_of(std::string_view heading, std::size_t columns) {
  const MarkdownTable table = read_markdown_table("docs/helpers.md", heading);
  std::vector<std::string> rows;
  for (std::size_t row = 1; row < table.size(); ++row) {
    EXPECT_GE(table[row].size(), columns);
    rows.push_back(fmt::format("{}", fmt::join(std::span(table[row]).first(columns), " ")));
  }
  return rows;
}

TEST(HelperList, NamesExactlyTheHelpersThatThereAreByNumber) {
  std::vector<std::string> expected;
  for (const bpf::Helper* helper : bpf::all_helpers())
    expected.push_back(fmt::format("{} bpf_{} {}", helper->number, helper->name,
                                   family_of(*helper, bpf::helper_families())));
  EXPECT_EQ(rows_of("The list", 3), expected);
}

TEST(HelperList, NamesExactlyTheKernelFunctionsThatThereAre) {
  std::vector<std::string> expected;
  for (const bpf::Helper* kfunc : bpf::all_kfuncs())
    expected.push_back(fmt::format("{} {}", kfunc->name, family_of(*kfunc, bpf::kfunc_families())));
  EXPECT_EQ(rows_of("Kernel functions", 2), expected);
}

TEST(HelperList, NamesExactlyTheHelpersThatAreRefusedWithTheReason) {
  std::vector<std::string> expected;
  for (std::uint32_t number = 1; number <= bpf::kKernelHelpers; ++number) {
    const std::string_view why = bpf::refused_helper(number);
    if (why.empty()) continue;
    EXPECT_EQ(bpf::find_helper(number), nullptr) << number;
    expected.push_back(fmt::format("{} bpf_{} {}", number, bpf::kernel_helper_name(number), why));
  }
  EXPECT_EQ(rows_of("Helpers that are refused", 3), expected);
}

TEST(HelperList, NamesExactlyTheKernelFunctionsThatAreRefused) {
  std::vector<std::string> expected;
  for (const bpf::RefusedKfunc& refused : bpf::refused_kfuncs()) {
    EXPECT_EQ(bpf::find_kfunc(refused.name), nullptr) << refused.name;
    if (expected.empty() || !expected.back().starts_with(fmt::format("{} ", refused.what)))
      expected.push_back(fmt::format("{} {}", refused.what, refused.name));
    else
      expected.back() += fmt::format(", {}", refused.name);
  }
  EXPECT_EQ(rows_of("Kernel functions that are refused", 2), expected);
}

}  // namespace
}  // namespace netkit::testing
