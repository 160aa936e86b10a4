// Generated programs in the running kernel and in our interpreter: the same verdict, packet, context and
// maps. NETKIT_GENERATED_PROGRAMS says how many, NETKIT_GENERATED_SEED where to begin.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>

#include <linux/bpf.h>

#include "bpf/isa/disassembler.h"
#include "tests/differential/generated/coverage.h"
#include "tests/differential/generated/packets.h"
#include "tests/differential/generated/sides.h"

namespace netkit::differential {
namespace {

constexpr std::uint64_t kPrograms = 20'000;
constexpr std::size_t kRuns = 3;   // of each program
constexpr double kAccepted = 0.9;  // of the programs, by the kernel's verifier
constexpr std::size_t kShownRefusals = 5;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 0);
}

TEST(GeneratedDifferential, ProgramsDoWhatTheyDoInTheKernel) {
  auto kernel = make_kernel_side();
  if (!kernel) GTEST_SKIP() << "bpf(2) loads no programs here: " << kernel.error().text;
  Coverage coverage;
  const auto ours = make_our_side(&coverage).value();
  const InstructionSet set;

  const std::uint64_t programs = setting("NETKIT_GENERATED_PROGRAMS", kPrograms);
  const std::uint64_t seed = setting("NETKIT_GENERATED_SEED", 1);
  std::uint64_t accepted = 0;
  std::size_t shown = 0;
  for (std::uint64_t number = seed; number < seed + programs; ++number) {
    SCOPED_TRACE("NETKIT_GENERATED_PROGRAMS=1 NETKIT_GENERATED_SEED=" + std::to_string(number));
    Random random(number);
    const GeneratedProgram program = generate(random, set);
    const auto loaded_here = ours->load(program);
    ASSERT_TRUE(loaded_here) << loaded_here.error().text;
    const auto loaded = (*kernel)->load(program);
    if (!loaded) {
      if (++shown <= kShownRefusals)
        std::cout << "program " << number << " is refused:\n" << loaded.error().text << '\n';
      continue;
    }
    ++accepted;
    for (std::size_t run = 0; run < kRuns; ++run) {
      const bpf::TestInput input = random_input(random);
      const auto expected = (*kernel)->run(input);
      const auto seen = ours->run(input);
      if (!expected) {  // a packet that the kernel does not take
        ASSERT_FALSE(seen) << expected.error().text;
        ASSERT_EQ(seen.error().code, expected.error().code);
        continue;
      }
      ASSERT_TRUE(seen) << seen.error().text << '\n' << bpf::disassemble_program(program.insns);
      ASSERT_EQ(difference(*expected, *seen), "") << bpf::disassemble_program(program.insns);
    }
  }
  coverage.print(std::cout, set);
  std::cout << accepted << " of " << programs << " programs accepted by the kernel, " << accepted * kRuns
            << " runs equal\n";
  EXPECT_GE(static_cast<double>(accepted), kAccepted * static_cast<double>(programs));
  if (programs >= kPrograms) {
    EXPECT_EQ(coverage.empty_cells(set), std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace netkit::differential
