// Generated programs in both engines (tests/differential/generated), millions of them: what the fuzzer makes
// is the seed of the generator. Where bpf(2) is not allowed, ours runs alone and must not fault.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "tests/differential/generated/generator.h"
#include "tests/differential/generated/packets.h"
#include "tests/differential/generated/sides.h"

namespace {

using namespace netkit;
using namespace netkit::differential;

[[noreturn]] void found(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

struct Sides {
  std::unique_ptr<Side> ours = make_our_side(nullptr).value();
  std::unique_ptr<Side> kernel = make_kernel_side().value_or(nullptr);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Sides sides;
  std::seed_seq seed(data, data + size);
  Random random(seed);
  const GeneratedProgram program = generate(random, {});
  if (const auto loaded = sides.ours->load(program); !loaded) found(loaded.error().text);
  const bool both = sides.kernel != nullptr && sides.kernel->load(program);
  for (int run = 0; run < 3; ++run) {
    const bpf::TestInput input = random_input(random);
    const auto seen = sides.ours->run(input);
    if (!seen && seen.error().code == EFAULT) found(seen.error().text);
    if (!both) continue;
    const auto expected = sides.kernel->run(input);
    if (expected.has_value() != seen.has_value()) found("only one of them takes the packet");
    if (!expected) continue;
    if (const std::string differs = difference(*expected, *seen); !differs.empty()) found(differs);
  }
  return 0;
}
