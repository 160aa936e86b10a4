// The cases that are written down: state before, code, state after or fault.
#include <gtest/gtest.h>

#include "tests/conformance/isa/case_file.h"
#include "tests/conformance/isa/tally.h"

namespace netkit::bpf::conformance {
namespace {

class CasesOf : public testing::TestWithParam<const char*> {};

void check_row(Runner& runner, const Case& one, const Row& row) {
  SCOPED_TRACE(one.name + ": " + row.text);
  const Outcome outcome = runner.run(row.before, one.code, one.functions);
  EXPECT_EQ(outcome.error, "");
  for (std::size_t number = 0; number < outcome.r.size(); ++number) {
    EXPECT_EQ(outcome.r[number], row.after.r[number].value_or(outcome.r[number])) << "r" << number;
  }
  EXPECT_EQ(outcome.m, row.after.m.value_or(outcome.m)) << "m";
}

TEST_P(CasesOf, behave_as_written) {
  const CaseFile file =
      read_case_file(std::string(NETKIT_SOURCE_DIR "/tests/conformance/isa/cases/") + GetParam() + ".yaml");
  EXPECT_EQ(file.group, GetParam());
  Runner runner;
  std::size_t count = 0;
  for (const Case& one : file.cases) {
    for (const Row& row : one.rows) check_row(runner, one, row);
    count += one.rows.size();
    if (one.fault.empty()) continue;
    const Outcome outcome = runner.run({}, one.code, one.functions);
    EXPECT_TRUE(outcome.error.starts_with(one.fault)) << one.name << ": " << outcome.error;
    ++count;
  }
  tally_written(file.group, count);
}

INSTANTIATE_TEST_SUITE_P(Written, CasesOf,
                         testing::Values("base32", "base64", "divmul32", "divmul64", "atomic32", "atomic64"));

}  // namespace
}  // namespace netkit::bpf::conformance
