// docs/support.md says of each part of the BPF user interface what becomes of it; here the code is asked. The
// names of the tests in it are checked by docs.support_tests.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "bpf/exec/interpreter.h"
#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/map.h"
#include "bpf/object/section_name.h"
#include "bpf/run/skb.h"
#include "tests/support/markdown.h"

namespace netkit::testing {
namespace {

using namespace bpf;

constexpr std::string_view kDocument = "docs/support.md";
constexpr std::uint32_t kMapTypes = 35;  // of Linux 7.3

// Without the heading.
MarkdownTable rows_under(std::string_view heading) {
  MarkdownTable table = read_markdown_table(kDocument, heading);
  EXPECT_GT(table.size(), 1U) << heading;
  if (!table.empty()) table.erase(table.begin());
  return table;
}

// Whether a program of this instruction, in a setting where it makes sense, is taken.
bool is_taken(const std::string& instruction) {
  auto image = std::make_shared<ProgramImage>();
  image->name = "example";
  image->insns = assemble("r6 = r1; r1 = 1; r2 = 2; " + instruction + "; r0 = 0; exit; r0 = 0; exit")
                     .value_or(std::vector<Insn>{});
  image->functions = {{"example", 0, static_cast<std::uint32_t>(image->insns.size())}};
  return prepare_interpreted(std::move(image)).has_value();
}

TEST(Support, OfInstructions) {
  for (const auto& row : rows_under("Instructions")) EXPECT_EQ(is_taken(row[1]), row[2] == "works") << row[1];
}

TEST(Support, OfMapTypes) {
  std::uint32_t number = 0;
  for (const auto& row : rows_under("Map types")) {
    EXPECT_EQ(row[0], std::to_string(++number));
    const auto type = static_cast<MapType>(number);
    EXPECT_EQ(is_supported(type), row[2] == "works") << row[1];
    const std::string_view name = map_type_name(type);
    EXPECT_TRUE(name.empty() || row[1] == name) << row[1];
  }
  EXPECT_EQ(number, kMapTypes);
}

TEST(Support, OfSections) {
  for (const auto& row : rows_under("Sections")) {
    const ProgramKind kind = program_kind(row[0]);
    EXPECT_EQ(program_type_name(kind.type), row[1]) << row[0];
    EXPECT_EQ(std::to_string(std::to_underlying(kind.expected_attach_type)), row[2]) << row[0];
  }
}

std::string word_for(SkbAccess access) {
  return access == SkbAccess::kNone ? "no" : access == SkbAccess::kWhole ? "whole" : "parts";
}

TEST(Support, OfContextFields) {
  std::string wanted;
  for (const SkbFieldInfo& field : skb_fields())
    wanted +=
        fmt::format("{} {} {} {}\n", field.offset, field.name, word_for(field.read), word_for(field.write));
  std::string told;
  for (const auto& row : rows_under("The context"))
    told += fmt::format("{} {} {} {}\n", row[0], row[1], row[2], row[3]);
  EXPECT_EQ(told, wanted);
}

void expect_families(std::string_view heading, std::span<const HelperFamily> families) {
  const MarkdownTable rows = rows_under(heading);
  ASSERT_EQ(rows.size(), families.size()) << heading;
  for (std::size_t number = 0; number < rows.size(); ++number) {
    EXPECT_EQ(rows[number][0], families[number].name);
    for (const Helper& helper : families[number].helpers())
      EXPECT_NE((", " + rows[number][1] + ",").find(fmt::format(" {},", helper.name)), std::string::npos)
          << helper.name << " is missing in " << families[number].name;
  }
}

TEST(Support, OfHelpersAndKernelFunctions) {
  expect_families("Helpers", helper_families());
  expect_families("Kernel functions", kfunc_families());
}

}  // namespace
}  // namespace netkit::testing
