#include <cerrno>
#include <string>

#include "fixture.h"

namespace netkit::bpf {
namespace {

struct NumberCase {
  std::string text;
  std::uint64_t flags;
  std::int64_t result;
  std::int64_t value;
};
class ToSigned : public HelperTest, public ::testing::WithParamInterface<NumberCase> {};
TEST_P(ToSigned, GivesTheNumberAndItsLength) {
  const NumberCase& c = GetParam();
  std::int64_t value = 99;
  EXPECT_EQ(call("strtol", c.text.data(), c.text.size(), c.flags, &value), c.result);
  EXPECT_EQ(value, c.value);
}
INSTANTIATE_TEST_SUITE_P(Numbers, ToSigned,
                         ::testing::Values(NumberCase{"12", 0, 2, 12}, NumberCase{" \t-12x", 0, 5, -12},
                                           NumberCase{"0x1F", 0, 4, 31}, NumberCase{"0x1F", 16, 4, 31},
                                           NumberCase{"1f", 16, 2, 31}, NumberCase{"017", 0, 3, 15},
                                           NumberCase{"018", 0, 2, 1}, NumberCase{"017", 10, 3, 17},
                                           NumberCase{"0", 0, 1, 0}, NumberCase{"0x", 0, 1, 0},
                                           NumberCase{"0x", 16, -EINVAL, 0}, NumberCase{"0xg", 0, 1, 0},
                                           NumberCase{"", 0, -EINVAL, 0}, NumberCase{"-", 0, -EINVAL, 0},
                                           NumberCase{"+1", 0, -EINVAL, 0}, NumberCase{"abc", 0, -EINVAL, 0},
                                           NumberCase{"12", 7, -EINVAL, 0}, NumberCase{"12", 32, -EINVAL, 0},
                                           NumberCase{"9223372036854775807", 0, 19, INT64_MAX},
                                           NumberCase{"9223372036854775808", 0, -ERANGE, 0},
                                           NumberCase{"-9223372036854775808", 0, 20, INT64_MIN},
                                           NumberCase{"-9223372036854775809", 0, -ERANGE, 0},
                                           NumberCase{"99999999999999999999", 0, -ERANGE, 0}));

class ToUnsigned : public HelperTest, public ::testing::WithParamInterface<NumberCase> {};
TEST_P(ToUnsigned, HasNoSign) {
  const NumberCase& c = GetParam();
  std::uint64_t value = 99;
  EXPECT_EQ(call("strtoul", c.text.data(), c.text.size(), c.flags, &value), c.result);
  EXPECT_EQ(value, static_cast<std::uint64_t>(c.value));
}
INSTANTIATE_TEST_SUITE_P(Numbers, ToUnsigned,
                         ::testing::Values(NumberCase{"12", 0, 2, 12}, NumberCase{"-12", 0, -EINVAL, 0},
                                           NumberCase{"18446744073709551615", 0, 20, -1},
                                           NumberCase{"18446744073709551616", 0, -ERANGE, 0}));

using Strncmp = HelperTest;
TEST_F(Strncmp, ComparesUpToTheSizeOrTheEnd) {
  EXPECT_EQ(call("strncmp", "abc", 3, "abd"), -1);
  EXPECT_EQ(call("strncmp", "abd", 3, "abc"), 1);
  EXPECT_EQ(call("strncmp", "abc", 2, "abd"), 0);
  EXPECT_EQ(call("strncmp", "ab\0x", 4, "ab"), 0);
  EXPECT_EQ(call("strncmp", "\xff", 1, "a"), 1);
}

}  // namespace
}  // namespace netkit::bpf
