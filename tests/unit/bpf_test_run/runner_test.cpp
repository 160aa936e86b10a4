// Test runs in our engine: what the kernel's answers cannot show (tests/differential compares the others).
#include "bpf/test_run/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "packet/builder.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

ProgramRef program(std::string_view code, std::string name = "test") {
  auto image = std::make_shared<ProgramImage>();
  image->name = std::move(name);
  image->gpl_compatible = true;
  image->insns = assemble(code).value();
  image->functions = {{image->name, 0, static_cast<std::uint32_t>(image->insns.size())}};
  return ProgramTable::instance().publish(prepare_interpreted(std::move(image)).value());
}

TestInput udp() {
  return {.data = PacketBuilder()
                      .ethernet({{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}})
                      .ip("10.0.0.1", "10.0.0.2")
                      .udp(1000, 53)
                      .pattern(20)
                      .bytes()};
}

template <class Set>
TestInput with_context(Set set) {
  __sk_buff context{};
  set(context);
  TestInput input = udp();
  const auto bytes = std::as_bytes(std::span(&context, 1));
  input.context.assign(bytes.begin(), bytes.end());
  return input;
}

TestRunner runner(TestWorld world = {}) {
  return TestRunner::make(std::move(world)).value();
}

Result<TestOutput> run(TestRunner& in, std::string_view code, const TestInput& input = udp()) {
  const ProgramRef one = program(code);
  return in.run(std::span(&one, 1), input);
}

constexpr std::string_view kRedirectTo3 = "r1 = 3; r2 = 1; call 23; exit";

TEST(TestRunner, TellsTheRedirectThatTheKernelHides) {
  TestRunner desk = runner();
  const auto output = run(desk, kRedirectTo3);
  ASSERT_TRUE(output) << output.error().text;
  EXPECT_EQ(output->retval(), 7U);
  EXPECT_EQ(output->redirect.kind, RedirectKind::kPlain);
  EXPECT_EQ(output->redirect.ifindex, 3U);
  EXPECT_EQ(output->redirect.flags, kRedirectIngress);
  EXPECT_EQ(run(desk, "r0 = 7; exit")->redirect.kind, RedirectKind::kNone);
}

TEST(TestRunner, RunsAChainOnOnePacketWithItsMetadataAndTheRedirectRecord) {
  TestRunner desk = runner();
  const std::vector<ProgramRef> chain = {program(kRedirectTo3, "first"),
                                         program("*(u32 *)(r1 +44) = 5; r0 = -1; exit", "second"),
                                         program("r0 = *(u32 *)(r1 +44); exit", "third")};
  const auto output = desk.run(chain, udp());
  ASSERT_TRUE(output) << output.error().text;
  ASSERT_EQ(output->runs.size(), 3U);
  EXPECT_EQ(output->runs[0].program, "first");
  EXPECT_EQ(output->runs[0].retval, 7U);
  EXPECT_EQ(output->runs[1].retval, 0xffff'ffffU);
  EXPECT_EQ(output->retval(), 5U);  // tc_index, which a context cannot carry
  EXPECT_EQ(output->redirect.ifindex, 3U);
}

TEST(TestRunner, KnowsTheDevicesItWasTold) {
  TestRunner desk = runner({.devices = {{.ifindex = 3, .name = "eth1", .mtu = 900}}});
  EXPECT_TRUE(run(desk, "r0 = 0; exit", with_context([](__sk_buff& c) { c.ifindex = 3; })));
  const auto refused = run(desk, "r0 = 0; exit", with_context([](__sk_buff& c) { c.ifindex = 4; }));
  EXPECT_EQ(refused.error().code, ENODEV);
  EXPECT_EQ(refused.error().text, "context: there is no device with ifindex 4");
  // bpf_check_mtu stores the device's MTU.
  EXPECT_EQ(run(desk,
                "r2 = 3; r3 = r10; r3 += -4; *(u32 *)(r10 -4) = 0; r4 = 0; r5 = 0; call 163;"
                "r0 = *(u32 *)(r10 -4); exit")
                ->retval(),
            900U);
}

TEST(TestRunner, TellsOfClones) {
  TestRunner desk = runner({.devices = {{.ifindex = 3, .name = "eth1"}}});
  const auto output = run(desk, "r6 = r1; r2 = 3; r3 = 1; call 13; r0 = 0; exit");
  ASSERT_TRUE(output) << output.error().text;
  ASSERT_EQ(output->clones.size(), 1U);
  EXPECT_EQ(output->clones[0].ifindex, 3U);
  EXPECT_EQ(output->clones[0].flags, kRedirectIngress);
  EXPECT_EQ(output->clones[0].length, 62U);
  EXPECT_EQ(run(desk, "r2 = 9; r3 = 0; call 13; exit")->retval(), static_cast<std::uint32_t>(-EINVAL));
}

TEST(TestRunner, GivesLinesOfTracePrintkAway) {
  std::vector<std::string> lines;
  TestRunner desk = runner({.trace = [&lines](std::string_view line) { lines.emplace_back(line); }});
  // "hi %d"
  ASSERT_TRUE(run(
      desk, "r1 = 0x6425206968 ll; *(u64 *)(r10 -8) = r1; r1 = r10; r1 += -8; r2 = 8; r3 = 5; call 6; exit"));
  EXPECT_THAT(lines, testing::ElementsAre("hi 5"));
}

TEST(TestRunner, AFaultIsAnErrorWithProgramAndPlace) {
  TestRunner desk = runner();
  const auto output = run(desk, "r2 = *(u32 *)(r1 +76); r0 = *(u8 *)(r2 +62); exit");
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, EFAULT);
  EXPECT_EQ(output.error().text, "program test: read of 1 byte at packet+62 (packet has 62 bytes), insn 1");
  EXPECT_TRUE(run(desk, "r0 = 0; exit"));  // the next run is none the worse
}

TEST(TestRunner, FieldsThatMustBeZeroAreNamed) {
  TestRunner desk = runner();
  const auto refused = [&](auto set) { return run(desk, "r0 = 0; exit", with_context(set)).error().text; };
  EXPECT_EQ(refused([](__sk_buff& c) { c.len = 1; }), "context: len must be zero");
  EXPECT_EQ(refused([](__sk_buff& c) { c.hash = 1; }), "context: hash must be zero");
  EXPECT_EQ(refused([](__sk_buff& c) { c.data = 1; }), "context: data must be zero");
  EXPECT_EQ(refused([](__sk_buff& c) { c.family = 2; }), "context: the field at offset 88 must be zero");
  EXPECT_EQ(refused([](__sk_buff& c) { c.data_end = 63; }),
            "context: data_end is 63, the packet has 62 bytes");
  EXPECT_THAT(refused([](__sk_buff& c) { c.wire_len = 61; }), HasSubstr("wire_len is 61"));
}

TEST(TestRunner, OwnsAVirtualCpuOfItsOwn) {
  TestRunner first = runner();
  TestRunner second = runner();
  const std::string_view cpu = "call 8; exit";  // bpf_get_smp_processor_id
  EXPECT_NE(run(first, cpu)->retval(), run(second, cpu)->retval());
}

}  // namespace
}  // namespace netkit::bpf
