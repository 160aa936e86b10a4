// Messages are cut out of a stream of bytes, each with the descriptors that were sent with it.
#include "control/rpc/framer.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "control/rpc/error.h"
#include "control/rpc/protocol.h"

namespace netkit::rpc {
namespace {

std::vector<Fd> descriptors(std::size_t count) {
  std::vector<Fd> made;
  for (std::size_t i = 0; i < count; ++i) made.emplace_back(::eventfd(0, EFD_CLOEXEC));
  return made;
}

// The next message's text; "(none)" when there is none yet.
std::string next(Framer& framer, std::size_t passed = 0) {
  auto message = framer.next();
  if (!message) return "error " + std::to_string(message.error().code);
  if (!*message) return "(none)";
  EXPECT_EQ((*message)->passed.size(), passed);
  return (*message)->text;
}

TEST(Framer, CutsAtNewlines) {
  Framer framer;
  framer.add("one\ntwo\nthr", {});
  EXPECT_EQ(next(framer), "one");
  EXPECT_EQ(next(framer), "two");
  EXPECT_EQ(next(framer), "(none)");
  framer.add("ee\n", {});
  EXPECT_EQ(next(framer), "three");
  EXPECT_EQ(next(framer), "(none)");
}

TEST(Framer, GivesBytesOneByOneTheSameMessages) {
  Framer framer;
  std::string got;
  for (const char c : std::string("ab\n\ncd\n")) {
    framer.add({&c, 1}, {});
    if (const std::string text = next(framer); text != "(none)") got += "[" + text + "]";
  }
  EXPECT_EQ(got, "[ab][][cd]");
}

TEST(Framer, DescriptorsBelongToTheMessageThatEndsTheirBytes) {
  Framer framer;
  framer.add("first\nsecond\n", descriptors(2));
  EXPECT_EQ(next(framer, 0), "first");
  EXPECT_EQ(next(framer, 2), "second");
}

TEST(Framer, DescriptorsWaitForTheRestOfTheirMessage) {
  Framer framer;
  framer.add("begin", descriptors(1));
  EXPECT_EQ(next(framer), "(none)");
  framer.add(" middle", descriptors(1));
  framer.add(" end\nnext\n", {});
  EXPECT_EQ(next(framer, 2), "begin middle end");
  EXPECT_EQ(next(framer, 0), "next");
}

TEST(Framer, AMessageOfTheGreatestLengthIsTaken) {
  Framer framer;
  framer.add(std::string(kMaxMessage, 'x') + "\n", {});
  EXPECT_EQ(next(framer), std::string(kMaxMessage, 'x'));
}

TEST(Framer, ALongerMessageIsRefusedBeforeItEnds) {
  Framer framer;
  framer.add(std::string(kMaxMessage, 'x'), {});
  EXPECT_EQ(next(framer), "(none)");
  framer.add("x", {});
  EXPECT_EQ(next(framer), "error -32600");
}

TEST(Framer, TooManyDescriptorsAreRefused) {
  Framer framer;
  framer.add("a", descriptors(kMaxDescriptors));
  EXPECT_EQ(next(framer), "(none)");
  framer.add("b", descriptors(1));
  EXPECT_EQ(next(framer), "error -32600");
}

}  // namespace
}  // namespace netkit::rpc
