// The words of a command line: keywords and their beginnings, values, numbers.
#include "cli/words.h"

#include <gtest/gtest.h>

#include "cli/errors.h"

namespace netkit::cli {
namespace {

constexpr std::string_view kKnown[] = {"address", "alias", "mtu", "up"};

std::string chosen(std::string_view word) {
  const auto word_chosen = choose(word, kKnown, "word");
  if (word_chosen) return std::string(*word_chosen);
  EXPECT_EQ(word_chosen.error().code, -kUsage);
  return word_chosen.error().text;
}

TEST(Words, AWordIsItselfOrItsBeginning) {
  EXPECT_EQ(chosen("mtu"), "mtu");
  EXPECT_EQ(chosen("m"), "mtu");
  EXPECT_EQ(chosen("al"), "alias");
}

TEST(Words, AnAmbiguousBeginningNamesWhatItMayBe) {
  EXPECT_EQ(chosen("a"), "'a' may be any of: address, alias");
}

TEST(Words, AnUnknownWordGetsASuggestion) {
  EXPECT_EQ(chosen("mtuu"), "unknown word 'mtuu'; did you mean 'mtu'?");
  EXPECT_EQ(chosen("something"), "unknown word 'something'; known are address, alias, mtu, up");
  EXPECT_EQ(chosen(""), "unknown word ''; known are address, alias, mtu, up");
}

TEST(Words, NumbersAreDecimalOrHexadecimalAndInRange) {
  EXPECT_EQ(parse_number("4294967295", "mtu"), 4294967295U);
  EXPECT_EQ(parse_number("0x10", "mtu"), 16U);
  for (const std::string_view bad :
       {"", "-1", "1x", "0x", "4294967296", "99999999999999999999", " 1", "1.5"}) {
    const auto number = parse_number(bad, "mtu");
    ASSERT_FALSE(number) << bad;
    EXPECT_EQ(number.error().code, -kUsage);
    EXPECT_NE(number.error().text.find("'mtu' takes a number from 0 to 4294967295"), std::string::npos);
  }
}

TEST(Words, AreTakenOneAfterAnother) {
  const std::string_view line[] = {"dev", "nk0", "mtu"};
  Words words(line);
  EXPECT_FALSE(words.take_if("mtu"));
  EXPECT_TRUE(words.take_if("dev"));
  EXPECT_EQ(words.value("dev"), "nk0");
  EXPECT_FALSE(words.end());
  EXPECT_EQ(words.take(), "mtu");
  EXPECT_EQ(words.value("mtu").error().text, "'mtu' needs a value behind it");
  EXPECT_TRUE(words.end());
}

}  // namespace
}  // namespace netkit::cli
