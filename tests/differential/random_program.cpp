#include "tests/differential/random_program.h"

#include <array>
#include <span>
#include <string>

#include "bpf/isa/assembler.h"
#include "bpf/isa/instruction.h"

namespace netkit::differential {
namespace {

using namespace bpf;

constexpr int kRegistersAt = -144;  // from R10: saved R0 to R9, and right behind them the eight words
constexpr int kMemoryAt = -64;
constexpr int kContextAt = -152;

std::string load_state() {
  std::string text = "*(u64 *)(r10 " + std::to_string(kContextAt) +
                     ") = r1; r2 = " + std::to_string(kStateAt) +
                     "; r3 = r10; r3 += " + std::to_string(kRegistersAt) +
                     "; r4 = " + std::to_string(8 * kStateWords) + "; call 26\n";  // skb_load_bytes
  for (int number = 0; number < 10; ++number) {
    text +=
        "r" + std::to_string(number) + " = *(u64 *)(r10 " + std::to_string(kRegistersAt + 8 * number) + ")\n";
  }
  return text;
}

std::string store_state() {
  std::string text;
  for (int number = 0; number < 10; ++number) {
    text +=
        "*(u64 *)(r10 " + std::to_string(kRegistersAt + 8 * number) + ") = r" + std::to_string(number) + "\n";
  }
  return text + "r1 = *(u64 *)(r10 " + std::to_string(kContextAt) + "); r2 = " + std::to_string(kStateAt) +
         "; r3 = r10; r3 += " + std::to_string(kRegistersAt) + "; r4 = " + std::to_string(8 * kStateWords) +
         "; r5 = 0; call 9; r0 = 0; exit\n";  // skb_store_bytes
}

constexpr auto kNumbers =
    std::to_array({Reg::r0, Reg::r1, Reg::r2, Reg::r3, Reg::r4, Reg::r5, Reg::r6, Reg::r7, Reg::r8, Reg::r9});

}  // namespace

std::vector<Insn> random_program(Random& random, const InstructionSet& set, std::size_t length) {
  RandomInstructions generator(random, set, kNumbers, kMemoryAt);
  std::vector<std::uint8_t> widths(length);
  for (std::uint8_t& width : widths) width = generator.below(12) == 0 ? 2 : 1;

  std::vector<Insn> program = assemble(load_state()).value();
  for (std::size_t at = 0; at < length; ++at) {
    const auto following = std::span<const std::uint8_t>(widths).subspan(at + 1);
    append(program, widths[at] == 2 ? generator.two_slots() : to_insns(generator.next(following)));
  }
  append(program, assemble(store_state()).value());
  return program;
}

}  // namespace netkit::differential
