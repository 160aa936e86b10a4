#include "tests/differential/random_instructions.h"

#include <array>

namespace netkit::differential {

using namespace bpf;

std::uint64_t random_number(Random& random) {
  constexpr auto kTurns = std::to_array<std::uint64_t>({0,
                                                        1,
                                                        31,
                                                        32,
                                                        63,
                                                        64,
                                                        0x7f,
                                                        0x80,
                                                        0xff,
                                                        0x7fff,
                                                        0x8000,
                                                        0xffff,
                                                        0x7fffffff,
                                                        0x80000000,
                                                        0xffffffff,
                                                        0x100000000,
                                                        0x7fffffffffffffff,
                                                        0x8000000000000000,
                                                        0xffffffff80000000,
                                                        0xffffffffffffffff});
  const std::uint64_t number = random();
  switch (number % 4) {
    case 0:
      return kTurns[random() % kTurns.size()];
    case 1:
      return kTurns[random() % kTurns.size()] + number % 16 / 4 - 2;
    case 2:
      return number >> (random() % 64);
    default:
      return number;
  }
}

std::vector<Insn> to_insns(const Instruction& instruction) {
  const Encoded encoded = encode(instruction);
  return {encoded.insns().begin(), encoded.insns().end()};
}

void append(std::vector<Insn>& program, std::span<const Insn> insns) {
  program.insert(program.end(), insns.begin(), insns.end());
}

Instruction RandomInstructions::next(std::span<const std::uint8_t> following) {
  switch (below(10)) {
    case 0:
    case 1:
      return jump(following);
    case 2:
      return memory();
    case 3:
      return atomic();
    default:
      return calculation();
  }
}

std::vector<Insn> RandomInstructions::two_slots() {
  if (below(4) != 0) return to_insns(wide_constant());
  // After one that succeeds, Linux 6.18 on x86-64 may show the old upper half of R0, which is to be zero:
  // the verifier adds the zero extension to what it sees used on a path, and forgets paths that it prunes.
  std::vector<Insn> insns =
      to_insns(Atomic{kAtomicCmpxchg, true, kW, kFramePointer, atomic_place(kW), reg()});
  append(insns, to_insns(Alu{kMov, Width::k32, false, Reg::r0, Reg::r0}));
  return insns;
}

Instruction RandomInstructions::calculation() {
  return below(6) == 0 ? unary() : alu();
}

InsnSize RandomInstructions::size() {
  return one_of(std::to_array({kB, kH, kW, kDw}));
}

Width RandomInstructions::width() {
  return coin() ? Width::k64 : Width::k32;
}

Operand RandomInstructions::operand() {
  if (coin()) return reg();
  return static_cast<std::int32_t>(random_number(*random_));
}

// Aligned places. Plain stores and atomics have four words each: where an atomic fetches a number that the
// verifier knows from a store, Linux 6.18 forgets what the number stands on and may prune too much.
std::int16_t RandomInstructions::place(InsnSize size, int from, unsigned bytes) {
  return static_cast<std::int16_t>(from + static_cast<int>(bytes_of(size) * below(bytes / bytes_of(size))));
}
std::int16_t RandomInstructions::anywhere(InsnSize size) {
  return place(size, memory_, 64);
}
std::int16_t RandomInstructions::stored_place(InsnSize size) {
  return place(size, memory_, 32);
}
std::int16_t RandomInstructions::atomic_place(InsnSize size) {
  return place(size, memory_ + 32, 32);
}

Instruction RandomInstructions::alu() {
  const auto op =
      one_of(std::to_array({kAdd, kSub, kMul, kDiv, kMod, kOr, kAnd, kXor, kLsh, kRsh, kArsh, kMov}));
  const bool divides = op == kDiv || op == kMod;
  Alu alu{op, width(), divides && set_.fourth_version && coin(), reg(), operand()};
  if (auto* constant = std::get_if<std::int32_t>(&alu.source)) {
    if (divides && *constant == 0) *constant = 1;  // the verifier refuses what is known to be wrong
    if (op == kLsh || op == kRsh || op == kArsh) *constant &= alu.width == Width::k64 ? 63 : 31;
  }
  return alu;
}

Instruction RandomInstructions::unary() {
  const std::size_t kinds = set_.fourth_version ? 4 : 2;
  switch (below(kinds)) {
    case 0:
      return Negate{width(), reg()};
    case 1:
      return SwapBytes{coin() ? ByteOrder::kToLittle : ByteOrder::kToBig, swapped_bits(), reg()};
    case 2:
      return SwapBytes{ByteOrder::kSwap, swapped_bits(), reg()};
    default: {
      const Width to = width();
      const std::size_t from = below(to == Width::k64 ? 3 : 2);
      return MoveSignExtended{to, static_cast<std::uint8_t>(8U << from), reg(), reg()};
    }
  }
}

std::uint8_t RandomInstructions::swapped_bits() {
  return static_cast<std::uint8_t>(16U << below(3));
}

Instruction RandomInstructions::memory() {
  const InsnSize of = size();
  switch (below(set_.ordered ? 5 : 3)) {
    case 0:
      return Load{of, set_.fourth_version && of != kDw && coin(), reg(), kFramePointer, anywhere(of)};
    case 1:
    case 2:
      return Store{of, kFramePointer, stored_place(of), operand()};
    case 3:
      return LoadAcquire{of, reg(), kFramePointer, anywhere(of)};
    default:
      return StoreRelease{of, kFramePointer, stored_place(of), reg()};
  }
}

Instruction RandomInstructions::wide_constant() {
  const std::uint64_t value = random_number(*random_);
  return LoadImm64{kImm64, reg(), static_cast<std::int32_t>(value), static_cast<std::int32_t>(value >> 32)};
}

Instruction RandomInstructions::atomic() {
  const auto op = one_of(std::to_array<std::int32_t>(
      {kAtomicAdd, kAtomicOr, kAtomicAnd, kAtomicXor, kAtomicXchg, kAtomicCmpxchg}));
  const bool always_fetches = op == kAtomicXchg || op == kAtomicCmpxchg;
  const InsnSize of = op == kAtomicCmpxchg || coin() ? kDw : kW;  // of a word: two_slots
  return Atomic{op, always_fetches || coin(), of, kFramePointer, atomic_place(of), reg()};
}

// Forwards only, so that every program ends.
Instruction RandomInstructions::jump(std::span<const std::uint8_t> following) {
  std::int16_t distance = 0;
  for (std::size_t skipped = below(following.size() + 1); skipped > 0; --skipped) {
    distance = static_cast<std::int16_t>(distance + following[skipped - 1]);
  }
  // A jump that is always taken would leave code unreachable, which the verifier refuses.
  if (below(16) == 0) return Jump{0, set_.fourth_version && coin()};
  return branch(distance);
}

Instruction RandomInstructions::branch(std::int16_t distance) {
  const auto op =
      one_of(std::to_array({kJeq, kJgt, kJge, kJset, kJne, kJsgt, kJsge, kJlt, kJle, kJslt, kJsle}));
  return ConditionalJump{op, width(), reg(), operand(), distance};
}

}  // namespace netkit::differential
