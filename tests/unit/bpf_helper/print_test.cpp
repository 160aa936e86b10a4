#include <array>
#include <cerrno>
#include <string>

#include "bpf/helper/bprintf.h"
#include "fixture.h"

namespace netkit::bpf {
namespace {

// Memory of a program: one region.
class Format : public ::testing::Test {
 protected:
  Format() {
    memory.begin({});
    memory.hand_out(
        {reinterpret_cast<std::uint64_t>(bytes.data()), bytes.size(), RegionKind::kMapValue, true, 1});
  }
  std::string print(std::string_view format, std::vector<std::uint64_t> arguments = {}) {
    std::array<char, 1024> out{};
    result = bprintf(out, format, arguments, memory);
    return out.data();
  }
  // Puts a string into the program's memory and returns its address.
  std::uint64_t put(std::string_view text, std::size_t at = 0) {
    std::ranges::copy(text, bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return reinterpret_cast<std::uint64_t>(bytes.data()) + at;
  }

  std::array<char, 600> bytes{};
  RegionTable memory;
  std::int64_t result = 0;
};

struct TextCase {
  std::string_view format;
  std::vector<std::uint64_t> arguments;
  std::string_view text;
};
std::ostream& operator<<(std::ostream& out, const TextCase& c) {
  return out << '"' << c.format << '"';
}
class FormatText : public Format, public ::testing::WithParamInterface<TextCase> {};
TEST_P(FormatText, IsThatOfTheKernel) {
  EXPECT_EQ(print(GetParam().format, GetParam().arguments), GetParam().text);
  EXPECT_EQ(result, static_cast<std::int64_t>(GetParam().text.size()));
}
constexpr std::uint64_t kMinus1 = ~std::uint64_t{0};
INSTANTIATE_TEST_SUITE_P(
    Conversions, FormatText,
    ::testing::Values(
        TextCase{"plain\ttext\n", {}, "plain\ttext\n"}, TextCase{"", {}, ""}, TextCase{"100%%", {}, "100%"},
        TextCase{"caf\xc3\xa9 %d \x80", {5}, "caf\xc3\xa9 5 \x80"},
        TextCase{"%s\xa9|%px\xc3\xa9", {0, 1}, "\xa9|0000000000000001\xa9"},
        TextCase{"%%%d%%%%", {5}, "%5%%"}, TextCase{"%d %i", {kMinus1, 5}, "-1 5"},
        TextCase{"%d", {0xffff'ffff}, "-1"}, TextCase{"%d", {0x1'0000'0007}, "7"},
        TextCase{"%ld", {0xffff'ffff}, "4294967295"}, TextCase{"%lld", {kMinus1}, "-1"},
        TextCase{"%lld", {std::uint64_t{1} << 63}, "-9223372036854775808"},
        TextCase{"%u", {kMinus1}, "4294967295"}, TextCase{"%lu", {kMinus1}, "18446744073709551615"},
        TextCase{"%llu", {kMinus1}, "18446744073709551615"},
        TextCase{"%x %X", {0xabcdef, 0xabcdef}, "abcdef ABCDEF"},
        TextCase{"%lx", {kMinus1}, "ffffffffffffffff"}, TextCase{"%x", {kMinus1}, "ffffffff"},
        TextCase{"%5d|%-5d|%05d", {42, 42, 42}, "   42|42   |00042"}, TextCase{"%05d", {kMinus1}, "-0001"},
        TextCase{"%+d % d %+d", {1, 1, kMinus1}, "+1  1 -1"}, TextCase{"%+u", {1}, "1"},
        TextCase{"%-05d|", {42}, "42   |"}, TextCase{"%2d", {12345}, "12345"},
        TextCase{"%08x", {0xbeef}, "0000beef"}, TextCase{"%c%c", {'o', 'k'}, "ok"},
        TextCase{"%3c|%-3c|", {'a', 'b'}, "  a|b  |"}, TextCase{"%p", {0x1234}, "0000000000001234"},
        TextCase{"%px", {0x1234}, "0000000000001234"}, TextCase{"%pK.", {0x1234}, "0000000000001234."},
        TextCase{"%8px|%-6px|%06px", {1, 2, 3}, "       1|2     |000003"},
        TextCase{"%p%d", {1, 2}, "00000000000000012"},
        TextCase{"%pS %ps %pB", {16, 17, 18}, "0x10 0x11 0x12"}, TextCase{"%8pS", {16}, "    0x10"},
        TextCase{"%pxabc,", {1}, "0000000000000001,"}, TextCase{"%s", {0}, ""},
        TextCase{"%pks|%pus", {0, 0}, "|"}, TextCase{"%pI4 %pi4", {0, 0}, "0.0.0.0 000.000.000.000"},
        TextCase{"%pI6c.", {0}, "0000:0000:0000:0000:0000:0000:0000:0000."},
        TextCase{"%pi6", {0}, "00000000000000000000000000000000"}));

struct ErrorCase {
  std::string_view format;
  std::size_t arguments;
};
std::ostream& operator<<(std::ostream& out, const ErrorCase& c) {
  return out << '"' << c.format << '"';
}
class FormatError : public Format, public ::testing::WithParamInterface<ErrorCase> {};
TEST_P(FormatError, IsInvalidAndWritesNothing) {
  EXPECT_EQ(print(GetParam().format, std::vector<std::uint64_t>(GetParam().arguments)), "");
  EXPECT_EQ(result, -EINVAL);
}
INSTANTIATE_TEST_SUITE_P(
    Formats, FormatError,
    ::testing::Values(ErrorCase{"%d", 0}, ErrorCase{"%d%d", 1}, ErrorCase{"%", 1}, ErrorCase{"abc%", 1},
                      ErrorCase{"%o", 1}, ErrorCase{"%n", 1}, ErrorCase{"%f", 1}, ErrorCase{"%.3d", 1},
                      ErrorCase{"%hd", 1}, ErrorCase{"%lllu", 1}, ErrorCase{"%l", 1}, ErrorCase{"%*d", 2},
                      ErrorCase{"%#x", 1}, ErrorCase{"%5%", 1}, ErrorCase{"%pI5", 1}, ErrorCase{"%pa", 1},
                      ErrorCase{"%pM", 1}, ErrorCase{"%sx", 1}, ErrorCase{"%s1", 1}, ErrorCase{"%pksx", 1},
                      ErrorCase{"%lc", 1}, ErrorCase{"%zu", 1}, ErrorCase{"\x01", 0}, ErrorCase{"\x1b[1m", 0},
                      ErrorCase{"\x7f", 0}, ErrorCase{"ok %d \x7f", 1}, ErrorCase{"%s\xc3\xa9", 1}));

TEST_F(Format, StringsComeFromTheProgramsMemory) {
  const std::uint64_t text = put("hello");
  EXPECT_EQ(print("<%s>", {text}), "<hello>");
  EXPECT_EQ(print("<%8s|%-8s>", {text, text}), "<   hello|hello   >");
  EXPECT_EQ(print("<%8pks>", {text}), "<hello>");
  EXPECT_EQ(print("%s", {text + 3}), "lo");
}

TEST_F(Format, AStringWithoutEndStopsAtTheEndOfItsMemory) {
  const std::uint64_t text = put("end", bytes.size() - 3);
  EXPECT_EQ(print("<%s>", {text}), "<end>");
}

TEST_F(Format, WhatLiesElsewhereReadsAsEmptyAndZero) {
  const std::string outside = "secret";
  EXPECT_EQ(print("<%s>", {reinterpret_cast<std::uint64_t>(outside.data())}), "<>");
  EXPECT_EQ(print("%pI4", {put("\x01", bytes.size() - 3)}), "0.0.0.0");
}

TEST_F(Format, AddressesAreInNetworkOrder) {
  const std::uint64_t v4 = put({"\xc0\xa8\x00\x07", 4});
  EXPECT_EQ(print("%pI4 %pi4", {v4, v4}), "192.168.0.7 192.168.000.007");
  const std::uint64_t v6 = put({"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x12", 16});
  EXPECT_EQ(print("%pI6", {v6}), "fe80:0000:0000:0000:0000:0000:0000:0012");
  EXPECT_EQ(print("%pi6", {v6}), "fe800000000000000000000000000012");
}

TEST_F(Format, TextIsCutToTheRoomButCountedWhole) {
  std::array<char, 4> out{'x', 'x', 'x', 'x'};
  EXPECT_EQ(bprintf(out, "%d", std::array<std::uint64_t, 1>{12345}, memory), 5);
  EXPECT_STREQ(out.data(), "123");
  EXPECT_EQ(bprintf({}, "%d", std::array<std::uint64_t, 1>{12345}, memory), 5);
}

TEST_F(Format, AHugeWidthIsCountedAndNotStored) {
  EXPECT_EQ(print("%8000d", {1}), std::string(1023, ' '));
  EXPECT_EQ(result, 8000);
}

TEST_F(Format, ArgumentsShareFiveHundredAndTwelveBytes) {
  bytes.fill('a');
  bytes.back() = 0;
  const std::uint64_t text = put("");
  EXPECT_EQ(print("%s", {text}).size(), 511U);
  EXPECT_EQ(print("%s%s", {text, text}), "");
  EXPECT_EQ(result, -ENOSPC);
  EXPECT_EQ(print("%s%d", {text, 1}), "");
  EXPECT_EQ(result, -ENOSPC);
  const std::uint64_t shorter = text + 600 - 1 - 504;  // 504 characters and a zero leave room for one word
  EXPECT_EQ(print("%s%d", {shorter, 1}).size(), 505U);
  EXPECT_EQ(print("%s%ld", {shorter, 1}), "");
  EXPECT_EQ(result, -ENOSPC);
}

// ---- the helpers ----

class Printing : public HelperTest {
 protected:
  Printing() {
    outside.trace_self = this;
    outside.trace = [](void* self, std::string_view line) {
      static_cast<Printing*>(self)->lines.emplace_back(line);
    };
  }
  std::vector<std::string> lines;
};

TEST_F(Printing, TraceReturnsTheLengthAndHandsOverTheLine) {
  EXPECT_EQ(call("trace_printk", "port %d of %d\n", 15, 80, 443), 15);
  EXPECT_EQ(lines, std::vector<std::string>{"port 80 of 443"});
}

TEST_F(Printing, TraceTakesThreeArguments) {
  EXPECT_EQ(call("trace_printk", "%d %d %d", 9, 1, 2, 3), 5);
  EXPECT_EQ(call("trace_printk", "%d %d %d %d", 12, 1, 2, 3), -EINVAL);
  EXPECT_EQ(lines.size(), 1U);
}

TEST_F(Printing, TraceNeedsTheZeroInsideItsSize) {
  EXPECT_EQ(call("trace_printk", "abc", 3), -EINVAL);
  EXPECT_EQ(call("trace_printk", "abc", 4), 3);
}

TEST_F(Printing, TraceWithoutListenerStillCounts) {
  outside.trace = nullptr;
  EXPECT_EQ(call("trace_printk", "abc", 4), 3);
}

TEST_F(Printing, VprintkTakesUpToTwelveWords) {
  const std::array<std::uint64_t, 13> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
  EXPECT_EQ(call("trace_vprintk", "%d%d%d%d%d%d%d%d%d%d%d%d", 25, values.data(), 96), 15);
  EXPECT_EQ(lines, std::vector<std::string>{"123456789101112"});
  EXPECT_EQ(call("trace_vprintk", "%d", 3, values.data(), 104), -EINVAL);
  EXPECT_EQ(call("trace_vprintk", "%d", 3, values.data(), 4), -EINVAL);
  const std::uint64_t* none = nullptr;
  EXPECT_EQ(call("trace_vprintk", "%d", 3, none, 8), -EINVAL);
  EXPECT_EQ(call("trace_vprintk", "text", 5, none, 0), 4);
  EXPECT_EQ(call("trace_vprintk", "%d", 3, none, 0), -EINVAL);
}

TEST_F(Printing, SnprintfCountsItsZero) {
  const std::array<std::uint64_t, 2> values{7, 8};
  std::array<char, 4> out{};
  EXPECT_EQ(call("snprintf", out.data(), 4, "%d-%d", values.data(), 16), 4);
  EXPECT_STREQ(out.data(), "7-8");
  EXPECT_EQ(call("snprintf", out.data(), 3, "%d-%d", values.data(), 16), 4);
  EXPECT_STREQ(out.data(), "7-");
  char* none = nullptr;
  EXPECT_EQ(call("snprintf", none, 0, "%d-%d", values.data(), 16), 4);
  EXPECT_EQ(call("snprintf", out.data(), 4, "%d", values.data(), 12), -EINVAL);
  EXPECT_EQ(call("snprintf", out.data(), 4, "%o", values.data(), 8), -EINVAL);
}

}  // namespace
}  // namespace netkit::bpf
