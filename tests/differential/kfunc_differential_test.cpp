// Kernel functions here and in the running kernel: the same call, packet and memory must give the same
// result, bytes and maps.
#include <gtest/gtest.h>

#include <cstring>
#include <string_view>

#include "packet/builder.h"
#include "tests/differential/kfunc_script.h"
#include "tests/differential/test_run.h"

namespace netkit::differential {
namespace {

using Values = std::vector<std::uint64_t>;

class KfuncDifferential : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string object = std::string(NETKIT_DIFFERENTIAL_OBJECTS) + "/kfunc_script.o";
    auto in_kernel = load_in_kernel(object);
    if (!in_kernel && in_kernel.error().code == EPERM)
      GTEST_SKIP() << "loading programs into the kernel needs root outside of user namespaces";
    ASSERT_TRUE(in_kernel) << netkit::describe(in_kernel.error());
    auto here = load_here(object);
    ASSERT_TRUE(here) << netkit::describe(here.error());
    kernel = *std::move(in_kernel);
    ours = *std::move(here);
    for (std::size_t i = 0; i < request.size(); ++i) request[i] = static_cast<std::uint8_t>(i * 37 + 11);
    input.packet =
        PacketBuilder().ethernet({{1}}, {{2}}).ip("10.0.0.1", "10.0.0.2").udp(1, 2).pattern(300).bytes();
  }

  struct Outcome {
    kfunc_answer answer{};
    std::vector<std::uint8_t> packet;
    MapContents local;
  };
  Result<Outcome> run_in(Engine& engine, const kfunc_request& in) {
    const kfunc_answer nothing{};
    Bytes memory(KFUNC_BYTES);
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<std::byte>(i);
    TRY(engine.write_map("request", 0, std::as_bytes(std::span(&in, 1))));
    TRY(engine.write_map("answer", 0, std::as_bytes(std::span(&nothing, 1))));
    TRY(engine.write_map("local", 0, memory));
    const TestOutput output = TRY(engine.run("run_kfunc", input));
    Outcome outcome{.packet = output.packet, .local = TRY(engine.read_map("local"))};
    const MapContents answers = TRY(engine.read_map("answer"));
    std::memcpy(&outcome.answer, answers.begin()->second.data(), sizeof outcome.answer);
    return outcome;
  }
  void compare(kfunc_call call, const std::array<std::uint64_t, 5>& arguments) {
    kfunc_request in{.call = call, .args = {}, .bytes = {}};
    std::ranges::copy(arguments, in.args);
    std::ranges::copy(request, in.bytes);
    const auto in_kernel = run_in(*kernel, in);
    const auto here = run_in(*ours, in);
    SCOPED_TRACE(::testing::Message() << "call " << call << ": " << ::testing::PrintToString(arguments));
    ASSERT_TRUE(in_kernel) << netkit::describe(in_kernel.error());
    ASSERT_TRUE(here) << netkit::describe(here.error());
    ASSERT_EQ(here->answer.result, in_kernel->answer.result);
    ASSERT_EQ(here->answer.second, in_kernel->answer.second);
    ASSERT_EQ(std::memcmp(here->answer.bytes, in_kernel->answer.bytes, KFUNC_BYTES), 0);
    ASSERT_EQ(here->packet, in_kernel->packet);
    ASSERT_EQ(here->local, in_kernel->local);
  }
  void compare_all(kfunc_call call, const Values& first = {0}, const Values& second = {0},
                   const Values& third = {0}, const Values& fourth = {0}) {
    for (const std::uint64_t a : first)
      for (const std::uint64_t b : second)
        for (const std::uint64_t c : third)
          for (const std::uint64_t d : fourth) {
            compare(call, {a, b, c, d, 0});
            if (HasFatalFailure()) return;
          }
  }
  // The strings that string functions work on.
  void set_strings(std::string_view text, std::string_view other) {
    request.fill(0);
    std::ranges::copy(text, request.begin());
    std::ranges::copy(other, request.begin() + KFUNC_BYTES);
  }

  std::unique_ptr<Engine> kernel;
  std::unique_ptr<Engine> ours;
  TestInput input;
  std::array<std::uint8_t, 2 * KFUNC_BYTES> request{};
};

const Values kKinds = {0, 1, 2};
// Around the ends of the local memory, the headers and the packet, which has 342 bytes.
const Values kOffsets = {0,  1,  13,  14,  42,  55,  56,  57,          63,
                         64, 65, 334, 335, 341, 342, 343, 0x7fff'ffff, 0xffff'ffff};

TEST_F(KfuncDifferential, NumberIterators) {
  const Values edges = {0, 1, 5, 100, 0xffff'ffff, 0x7fff'ffff, 0x8000'0000};
  compare_all(KFUNC_ITER_NUM, edges, edges);
}
TEST_F(KfuncDifferential, BitIterators) {
  compare_all(KFUNC_ITER_BITS, {0, 1, 2, 8, 512, 513, 0xffff'ffff});
  request.fill(0);
  compare_all(KFUNC_ITER_BITS, {1, 2, 8});
  request.fill(0xff);
  compare_all(KFUNC_ITER_BITS, {1, 2, 8});
}
TEST_F(KfuncDifferential, DynptrsAreNarrowed) {
  compare_all(KFUNC_DYNPTR, kKinds, kOffsets, kOffsets);
}
TEST_F(KfuncDifferential, DynptrsAreMadeWithFlags) {
  compare_all(KFUNC_FLAGS, kKinds, {0, 1, 2, std::uint64_t{1} << 40});
}
TEST_F(KfuncDifferential, Slices) {
  compare_all(KFUNC_SLICE, kKinds, kOffsets);
  compare_all(KFUNC_SLICE_RDWR, kKinds, kOffsets);
  compare_all(KFUNC_DATA, kKinds, kOffsets);
}
TEST_F(KfuncDifferential, ReadsAndWrites) {
  compare_all(KFUNC_READ, kKinds, kOffsets, {0, 1, 8, 63}, {0, 1});
  compare_all(KFUNC_WRITE, kKinds, kOffsets, {0, 1, 8, 63}, {0, 1, 2, 4});
}
TEST_F(KfuncDifferential, CopiesAndFills) {
  compare_all(KFUNC_COPY, {0, 1}, kOffsets, kOffsets, {0, 1, 9, 64, 65});
  compare_all(KFUNC_MEMSET, kKinds, kOffsets, {0, 1, 63, 64, 300, 0xffff'ffff}, {0, 0x5a, 0x1ff});
}
TEST_F(KfuncDifferential, Clones) {
  compare_all(KFUNC_CLONE, kKinds);
}
TEST_F(KfuncDifferential, Strings) {
  const std::pair<std::string_view, std::string_view> pairs[] = {
      {"", ""},          {"abc", "abc"},     {"abc", "abd"},   {"abc", ""},       {"", "abc"},
      {"ABC", "abc"},    {"hello", "l"},     {"hello", "llo"}, {"hello", "lloo"}, {"aab", "ab"},
      {"abcabc", "cab"}, {"\xc4x", "\xe4x"}, {"a\xff", "a"},   {"aaa", "a"},      {"xyz", "zyx"},
      {"xyzw", "zyx"},   {"[\\]", "{|}"},    {"\xd7", "\xf7"},
  };
  for (const auto& [text, other] : pairs) {
    set_strings(text, other);
    compare_all(KFUNC_STRING, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {0, 'a', 'l', 0xff, 'c'},
                {0, 1, 2, 3, 5, 64});
    ASSERT_FALSE(HasFatalFailure()) << text << " and " << other;
  }
  compare_all(KFUNC_STRING, {12, 13});
}
TEST_F(KfuncDifferential, Sections) {
  compare_all(KFUNC_SECTIONS);
}

}  // namespace
}  // namespace netkit::differential
