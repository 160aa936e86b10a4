// Random instructions of arithmetic, jumps, stack memory and atomics that the kernel's verifier accepts in
// any order, as long as all registers that they use are numbers.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "bpf/isa/instruction.h"

namespace netkit::differential {

// What the running kernel knows beyond the third version of the instruction set.
struct InstructionSet {
  bool fourth_version = true;  // movsx, sdiv, smod, bswap, ldsx, gotol: Linux 6.6
  bool ordered = true;         // load_acquire, store_release: Linux 6.15
};

using Random = std::mt19937_64;

// A number that is often one where arithmetic turns.
[[nodiscard]] std::uint64_t random_number(Random& random);

[[nodiscard]] std::vector<bpf::Insn> to_insns(const bpf::Instruction& instruction);
void append(std::vector<bpf::Insn>& program, std::span<const bpf::Insn> insns);

class RandomInstructions {
 public:
  // `registers`: the numbers. `memory`: where eight words of stack lie, from R10.
  RandomInstructions(Random& random, const InstructionSet& set, std::span<const bpf::Reg> registers,
                     int memory)
      : random_(&random), set_(set), registers_(registers), memory_(memory) {}

  // One instruction of one slot. `following`: the widths in slots of the instructions behind this one, as far
  // as a jump may go.
  bpf::Instruction next(std::span<const std::uint8_t> following);
  // Instructions that take two slots, into whose middle no jump leads.
  std::vector<bpf::Insn> two_slots();
  // One of arithmetic.
  bpf::Instruction calculation();
  bpf::Instruction memory();
  bpf::Instruction atomic();
  // Over the next `distance` slots, if two numbers are so; never always.
  bpf::Instruction branch(std::int16_t distance);

  std::size_t below(std::size_t limit) { return (*random_)() % limit; }
  bool coin() { return below(2) == 0; }
  template <class T, std::size_t n>
  T one_of(const std::array<T, n>& values) {
    return values[below(n)];
  }
  bpf::Reg reg() { return registers_[below(registers_.size())]; }
  bpf::InsnSize size();

 private:
  bpf::Width width();
  bpf::Operand operand();
  std::int16_t place(bpf::InsnSize size, int from, unsigned bytes);
  std::int16_t anywhere(bpf::InsnSize size);
  std::int16_t stored_place(bpf::InsnSize size);
  std::int16_t atomic_place(bpf::InsnSize size);
  bpf::Instruction alu();
  bpf::Instruction unary();
  std::uint8_t swapped_bits();
  bpf::Instruction wide_constant();
  bpf::Instruction jump(std::span<const std::uint8_t> following);

  Random* random_;
  InstructionSet set_;
  std::span<const bpf::Reg> registers_;
  int memory_;
};

}  // namespace netkit::differential
