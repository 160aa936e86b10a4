// Every operation, in every form, on every pair of edge values, against the model.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "bpf/isa/disassembler.h"
#include "tests/conformance/isa/model.h"
#include "tests/conformance/isa/runner.h"
#include "tests/conformance/isa/tally.h"

namespace netkit::bpf::conformance {
namespace {

constexpr auto kEdges = std::to_array<std::uint64_t>({0,
                                                      1,
                                                      2,
                                                      7,
                                                      31,
                                                      32,
                                                      33,
                                                      63,
                                                      64,
                                                      0x7f,
                                                      0x80,
                                                      0xff,
                                                      0x7fff,
                                                      0x8000,
                                                      0x1234,
                                                      0x7fffffff,
                                                      0x80000000,
                                                      0x80000001,
                                                      0xffffffff,
                                                      0x100000000,
                                                      0x123456789abcdef0,
                                                      0x7fffffffffffffff,
                                                      0x8000000000000000,
                                                      0x8000000000000001,
                                                      0xffffffff00000000,
                                                      0xfffffffffffffffe,
                                                      0xffffffffffffffff});

constexpr auto kConstants = std::to_array<std::int32_t>(
    {0, 1, 2, 7, 31, 32, 63, 64, 127, -128, 0x1234, 0x7fffffff, -0x7fffffff - 1, -0x7fffffff, -2, -1});

std::uint64_t low(std::uint64_t value, unsigned bits) {
  return bits == 64 ? value : value & 0xffffffff;
}
std::uint64_t extended(std::int32_t constant, unsigned bits) {
  return low(static_cast<std::uint64_t>(std::int64_t{constant}), bits);
}

// So that a test's name says what it covers.
std::string name_of(const testing::TestParamInfo<unsigned>& info) {
  return std::to_string(info.param) + "bits";
}

class Generated : public testing::TestWithParam<unsigned> {
 protected:
  [[nodiscard]] unsigned bits() const { return GetParam(); }
  [[nodiscard]] Width width() const { return bits() == 64 ? Width::k64 : Width::k32; }
  [[nodiscard]] InsnSize size() const { return bits() == 64 ? kDw : kW; }

  void report(const std::string& group, std::size_t count) const {
    tally_generated(group + std::to_string(bits()), count);
  }

  Outcome run(const Instruction& instruction, std::uint64_t r1, std::uint64_t r2, std::uint64_t m = 0,
              std::uint64_t r0 = 0) {
    State before;
    before.r[0] = r0;
    before.r[1] = r1;
    before.r[2] = r2;
    before.m = m;
    return runner_.run(before, disassemble(instruction));
  }

  // dst is r1, the register operand r2.
  std::size_t check_alu(AluOp op, bool is_signed) {
    std::size_t count = 0;
    for (const std::uint64_t a : kEdges) {
      for (const std::uint64_t b : kEdges) {
        const Alu alu{op, width(), is_signed, Reg::r1, Reg::r2};
        const Outcome outcome = run(alu, a, b);
        EXPECT_EQ(outcome.error, "");
        EXPECT_EQ(outcome.r[1], model_alu(op, is_signed, bits(), low(a, bits()), low(b, bits())))
            << disassemble(alu) << std::hex << " r1 " << a << " r2 " << b;
        EXPECT_EQ(outcome.r[2], b);
        ++count;
      }
      for (const std::int32_t constant : kConstants) {
        const Alu alu{op, width(), is_signed, Reg::r1, constant};
        const Outcome outcome = run(alu, a, 0);
        EXPECT_EQ(outcome.r[1], model_alu(op, is_signed, bits(), low(a, bits()), extended(constant, bits())))
            << disassemble(alu) << std::hex << " r1 " << a;
        ++count;
      }
    }
    return count;
  }

  std::size_t check_jump(JmpOp op) {
    const auto taken = [&](const Operand& source, std::uint64_t a, std::uint64_t b) {
      const ConditionalJump jump{op, width(), Reg::r1, source, 1};
      const Outcome outcome = runner_.run({.r = {0, a, b}, .m = {}}, disassemble(jump) + "\nr0 = 1");
      EXPECT_EQ(outcome.error, "");
      return outcome.r[0] == 0;
    };
    std::size_t count = 0;
    for (const std::uint64_t a : kEdges) {
      for (const std::uint64_t b : kEdges) {
        EXPECT_EQ(taken(Reg::r2, a, b), model_jump(op, bits(), low(a, bits()), low(b, bits())))
            << "op " << op << std::hex << " r1 " << a << " r2 " << b;
        ++count;
      }
      for (const std::int32_t constant : kConstants) {
        EXPECT_EQ(taken(constant, a, 0), model_jump(op, bits(), low(a, bits()), extended(constant, bits())))
            << "op " << op << std::hex << " r1 " << a << " imm " << constant;
        ++count;
      }
    }
    return count;
  }

  std::size_t check_atomic(std::int32_t op, bool fetch) {
    std::size_t count = 0;
    for (const std::uint64_t memory : kEdges) {
      for (const std::uint64_t src : kEdges) {
        for (const std::uint64_t r0 : {memory, memory + 1, memory & 0xffffffff}) {
          const Atomic atomic{op, fetch, size(), Reg::r10, -8, Reg::r2};
          const Outcome outcome = run(atomic, 0, src, memory, r0);
          EXPECT_EQ(outcome.error, "");
          const AtomicState after{outcome.m, outcome.r[2], outcome.r[0]};
          EXPECT_EQ(after, model_atomic(op, fetch, bits(), {memory, src, r0}))
              << disassemble(atomic) << std::hex << " m " << memory << " r2 " << src << " r0 " << r0;
          ++count;
          if (op != kAtomicCmpxchg) break;
        }
      }
    }
    return count;
  }

  Runner runner_;
};

TEST_P(Generated, base_arithmetic) {
  std::size_t count = 0;
  for (const AluOp op : {kAdd, kSub, kOr, kAnd, kXor, kLsh, kRsh, kArsh, kMov}) count += check_alu(op, false);
  for (const std::uint64_t a : kEdges) {
    EXPECT_EQ(run(Negate{width(), Reg::r1}, a, 0).r[1], model_alu(kNeg, false, bits(), low(a, bits()), 0))
        << a;
    ++count;
  }
  report("base", count);
}

TEST_P(Generated, multiplication_and_division) {
  std::size_t count = check_alu(kMul, false);
  for (const AluOp op : {kDiv, kMod}) count += check_alu(op, false) + check_alu(op, true);
  report("divmul", count);
}

TEST_P(Generated, comparisons) {
  std::size_t count = 0;
  for (const JmpOp op : {kJeq, kJgt, kJge, kJset, kJne, kJsgt, kJsge, kJlt, kJle, kJslt, kJsle})
    count += check_jump(op);
  report("base", count);
}

TEST_P(Generated, sign_extending_moves) {
  std::size_t count = 0;
  for (const std::uint8_t from : std::to_array<std::uint8_t>({8, 16, 32})) {
    if (from == bits()) continue;
    for (const std::uint64_t value : kEdges) {
      const MoveSignExtended move{width(), from, Reg::r1, Reg::r2};
      EXPECT_EQ(run(move, 0xffffffffffffffff, value).r[1], model_sign_extend(from, bits(), value))
          << disassemble(move) << std::hex << value;
      ++count;
    }
  }
  report("base", count);
}

TEST_P(Generated, byte_orders) {
  std::size_t count = 0;
  for (const ByteOrder order : {ByteOrder::kToLittle, ByteOrder::kToBig, ByteOrder::kSwap}) {
    for (const std::uint8_t swapped : std::to_array<std::uint8_t>({16, 32, 64})) {
      if ((swapped == 64) != (bits() == 64)) continue;  // the 64-bit conversions belong to base64
      for (const std::uint64_t value : kEdges) {
        const SwapBytes swap{order, swapped, Reg::r1};
        EXPECT_EQ(run(swap, value, 0).r[1], model_swap(order, swapped, value))
            << disassemble(swap) << std::hex << value;
        ++count;
      }
    }
  }
  report("base", count);
}

TEST_P(Generated, atomics) {
  std::size_t count = 0;
  for (const std::int32_t op : {kAtomicAdd, kAtomicOr, kAtomicAnd, kAtomicXor})
    count += check_atomic(op, false) + check_atomic(op, true);
  for (const std::int32_t op : {kAtomicXchg, kAtomicCmpxchg}) count += check_atomic(op, true);
  report("atomic", count);
}

// Loads of each size at each place in the eight bytes, aligned or not; 64-bit and sign-extended words are
// base64.
TEST_P(Generated, loads) {
  std::size_t count = 0;
  const std::vector<InsnSize> sizes = bits() == 64 ? std::vector{kDw} : std::vector{kB, kH, kW};
  for (const InsnSize of : sizes) {
    const unsigned bytes = bytes_of(of);
    for (const bool sign_extend : {false, true}) {
      if (sign_extend && of == kDw) continue;
      for (unsigned at = 0; at + bytes <= 8; ++at) {
        for (const std::uint64_t m : kEdges) {
          const Load load{of, sign_extend, Reg::r1, Reg::r10,
                          static_cast<std::int16_t>(-8 + static_cast<int>(at))};
          const std::uint64_t part = model_swap(ByteOrder::kToLittle, 8 * bytes, m >> (8 * at));
          EXPECT_EQ(run(load, 0xaaaaaaaaaaaaaaaa, 0, m).r[1],
                    sign_extend ? model_sign_extend(8 * bytes, 64, part) : part)
              << disassemble(load) << std::hex << m;
          ++count;
        }
      }
    }
  }
  report("base", count);
}

TEST_P(Generated, stores) {
  std::size_t count = 0;
  const std::vector<InsnSize> sizes = bits() == 64 ? std::vector{kDw} : std::vector{kB, kH, kW};
  for (const InsnSize of : sizes) {
    const unsigned bytes = bytes_of(of);
    for (unsigned at = 0; at + bytes <= 8; ++at) {
      const std::uint64_t mask = (bytes == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * bytes)) - 1)
                                 << (8 * at);
      const auto check = [&](const Operand& source, std::uint64_t value) {
        const Store store{of, Reg::r10, static_cast<std::int16_t>(-8 + static_cast<int>(at)), source};
        const std::uint64_t before = 0x5555555555555555;
        EXPECT_EQ(run(store, 0, value, before).m, (before & ~mask) | ((value << (8 * at)) & mask))
            << disassemble(store) << std::hex << value;
        ++count;
      };
      for (const std::uint64_t value : kEdges) check(Reg::r2, value);
      for (const std::int32_t constant : kConstants)
        check(constant, static_cast<std::uint64_t>(std::int64_t{constant}));
    }
  }
  report("base", count);
}

INSTANTIATE_TEST_SUITE_P(Isa, Generated, testing::Values(32U, 64U), name_of);

}  // namespace
}  // namespace netkit::bpf::conformance
