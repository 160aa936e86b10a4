#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace netkit {
namespace {

Result<int> parse_digit(char c) {
  if (c < '0' || c > '9') return fail(EINVAL, std::string("not a digit: '") + c + "'");
  return c - '0';
}

Result<int> sum(char a, char b) {
  return TRY(parse_digit(a)) + TRY(parse_digit(b));
}

Result<> check(bool good) {
  if (!good) return fail(EPERM);
  return {};
}

Result<std::unique_ptr<int>> boxed(bool good) {
  TRY(check(good));
  return std::make_unique<int>(7);
}

Result<int> unboxed(bool good) {
  const std::unique_ptr<int> box = TRY(boxed(good));
  return *box;
}

TEST(Result, TryYieldsTheValue) {
  EXPECT_EQ(*sum('2', '3'), 5);
}

TEST(Result, TryReturnsTheFirstError) {
  const auto failed = sum('x', 'y');
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error(), (Error{EINVAL, "not a digit: 'x'", ""}));
}

TEST(Result, TryMovesValuesThatCannotBeCopied) {
  EXPECT_EQ(*unboxed(true), 7);
  EXPECT_EQ(unboxed(false).error().code, EPERM);
}

Result<int> twice(int n) {
  return 2 * n;
}
Result<int> twice_digit(char c) {
  return TRY(twice(TRY(parse_digit(c))));
}

TEST(Result, OneTryMayStandInsideAnother) {
  EXPECT_EQ(*twice_digit('4'), 8);
  EXPECT_FALSE(twice_digit('?'));
}

TEST(Result, ErrnoNames) {
  EXPECT_EQ(errno_name(0), "OK");
  EXPECT_EQ(errno_name(EINVAL), "EINVAL");
  EXPECT_EQ(errno_name(524), "ENOTSUPP");
  EXPECT_EQ(errno_name(4095), "E4095");
}

TEST(Result, DescriptionHoldsTextAndName) {
  EXPECT_EQ(describe(Error{ENOENT, "no such map: 'x'", ""}), "no such map: 'x' (ENOENT)");
  EXPECT_EQ(describe(Error{EACCES, "", ""}), "EACCES");
}

TEST(Result, FailErrnoTellsWhatFailed) {
  errno = ENOENT;
  const Failure failure = fail_errno("open /nowhere");
  EXPECT_EQ(failure.error().code, ENOENT);
  EXPECT_EQ(failure.error().text, "open /nowhere: No such file or directory");
}

}  // namespace
}  // namespace netkit
