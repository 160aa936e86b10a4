// The instructions of a program as text: ours, and what `bpftool prog dump xlated` prints of the same program
// in the running kernel.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>

#include "base/rcu.h"
#include "bpf/isa/assembler.h"
#include "control/dump.h"
#include "control/program.h"
#include "device/namespace.h"
#include "tests/differential/object/side.h"

namespace netkit::control::test {
namespace {

// Nothing that a kernel rewrites (context, helpers, maps), and nothing that the bpftool of 2022 misreads.
constexpr std::string_view kEveryForm = R"(
  r1 = 0x1122334455667788 ll
  r2 = -7
  w3 = 9
  r1 += r2
  w3 *= 3
  r1 s>>= 4
  r1 = -r1
  r4 = r1
  r4 = be16 r4
  *(u64 *)(r10 -8) = r1
  *(u8 *)(r10 -9) = 5
  *(u32 *)(r10 -16) = 0
  r6 = *(u32 *)(r10 -16)
  lock *(u64 *)(r10 -8) += r2
  if r1 s> -1 goto pc+1
  if w3 & 0x8 goto pc+0
  r7 = r10
  r7 += -8
  r0 = *(u64 *)(r7 +0)
  r0 ^= r2
  r0 = 0
  exit
)";

// Standard output of a command; none: it failed.
std::optional<std::string> output_of(const std::string& command) {
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    text.append(buffer.data(), got);
  return ::pclose(pipe) == 0 ? std::optional(text) : std::nullopt;
}

TEST(DumpDifferential, InstructionsLookAsInBpftool) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  if (!output_of("bpftool version 2>&1")) GTEST_SKIP() << "there is no bpftool";
  const std::vector<bpf::Insn> insns = bpf::assemble(kEveryForm).value();
  const ProgramLoadRequest request{.prog_type = 3, .insns = insns, .license = "GPL", .prog_name = "forms"};

  const std::unique_ptr<Side> kernel = make_kernel_side();
  const int loaded = kernel->load_program(request);
  ASSERT_GE(loaded, 0) << errno_name(-loaded);

  device::Network network;
  System system{network};
  device::NamespaceRef netns;
  {
    const device::Rtnl rtnl = network.lock();
    netns = network.add_namespace(rtnl, "host").value();
  }
  Client client(system, netns);
  const int ours = load_program(client, request).value();
  const std::vector<XlatedInsn> dump = dump_xlated(client, ours).value();

  const std::string bpftool = fmt::format("bpftool prog dump xlated id {}", kernel->id_of(loaded));
  EXPECT_EQ(to_text(dump), output_of(bpftool));
  EXPECT_EQ(to_text(dump, {.opcodes = true}), output_of(bpftool + " opcodes"));
}

}  // namespace
}  // namespace netkit::control::test
