// Calls of kernel functions: by name, under the same contracts as helpers.
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// kernel#0, #1 and #2 are new, next and destroy; the iterator is at r10-8.
class NumberIterator : public Interpreter {
 protected:
  NumberIterator() { kfuncs_ = {"bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy"}; }

  // R0 of bpf_iter_num_new in the upper half, and how often next gave a number.
  std::uint64_t count(const std::string& start, const std::string& end) {
    return run("r1 = r10; r1 += -8; r2 = " + start + "; r3 = " + end +
               "; call kernel#0; r7 = r0; r7 <<= 32; r6 = 0;"
               "again: r1 = r10; r1 += -8; call kernel#1; if r0 == 0 goto out; r6 += 1; goto again;"
               "out: r1 = r10; r1 += -8; call kernel#2; r0 = r7; r0 |= r6; exit");
  }
};

TEST_F(NumberIterator, counts_from_start_to_end) {
  EXPECT_EQ(count("0", "5"), 5U);
  EXPECT_EQ(count("-2", "2"), 4U);
  EXPECT_EQ(count("7", "7"), 0U);
  EXPECT_EQ(count("2147483640", "2147483647"), 7U);
  EXPECT_EQ(count("-2147483648", "-2147483640"), 8U);
}

TEST_F(NumberIterator, refuses_ranges_that_are_empty_the_wrong_way_or_too_long) {
  EXPECT_EQ(count("3", "2"), static_cast<std::uint64_t>(-EINVAL) << 32);
  EXPECT_EQ(count("0", "8388609"), static_cast<std::uint64_t>(-E2BIG) << 32);
  EXPECT_EQ(count("-2147483648", "2147483647"), static_cast<std::uint64_t>(-E2BIG) << 32);
  run_.instruction_limit = 100'000'000;
  EXPECT_EQ(count("0", "8388608"), 8388608U);
}

TEST_F(NumberIterator, gives_the_number_in_memory) {
  EXPECT_EQ(run("r1 = r10; r1 += -8; r2 = 41; r3 = 43; call kernel#0; r1 = r10; r1 += -8; call kernel#1;"
                "r1 = r10; r1 += -8; call kernel#1; r0 = *(u32 *)(r0 +0); exit"),
            42U);
}

TEST_F(NumberIterator, lies_on_the_stack) {
  EXPECT_THAT(fault("r1 = 4096; r2 = 0; r3 = 1; call kernel#0; exit"),
              StartsWith("argument 1 of bpf_iter_num_new is not 8 aligned bytes of stack"));
  EXPECT_THAT(fault("r1 = r10; r1 += -7; r2 = 0; r3 = 1; call kernel#0; exit"),
              StartsWith("argument 1 of bpf_iter_num_new is not 8 aligned bytes of stack"));
}

// Those that are newer than the kernels that the differential test meets.
TEST_F(Interpreter, strings_are_compared_and_found_whatever_their_case) {
  kfuncs_ = {"bpf_strncasecmp", "bpf_strcasestr", "bpf_strncasestr"};
  const std::string strings =
      "*(u32 *)(r10 -8) = 0x00634261; *(u32 *)(r10 -16) = 0x00646241; *(u32 *)(r10 -24) = 0x6342;"
      "r1 = r10; r1 += -8; r2 = r10; r2 += ";  // "aBc", "Abd", "Bc"
  EXPECT_EQ(run(strings + "-16; r3 = 2; call kernel#0; exit"), 0U);
  EXPECT_EQ(static_cast<std::int32_t>(run(strings + "-16; r3 = 3; call kernel#0; exit")), -1);
  EXPECT_EQ(run(strings + "-24; call kernel#1; exit"), 1U);
  EXPECT_EQ(static_cast<std::int32_t>(run(strings + "-16; call kernel#1; exit")), -ENOENT);
  EXPECT_EQ(run(strings + "-24; r3 = 3; call kernel#2; exit"), 1U);
  EXPECT_EQ(static_cast<std::int32_t>(run(strings + "-24; r3 = 2; call kernel#2; exit")), -ENOENT);
}

}  // namespace
}  // namespace netkit::bpf::test
