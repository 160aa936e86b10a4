// Decoding of single instructions: which are refused and how, and that encoding is its inverse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "bpf/isa/instruction.h"

namespace netkit::bpf {
namespace {

std::string refusal(std::vector<Insn> code) {
  code.push_back({.opcode = 0x95});
  const Result<Instruction> decoded = decode(code);
  return decoded ? "" : decoded.error().text;
}

Insn insn(unsigned opcode, unsigned dst, unsigned src, int off, int imm) {
  Insn made{.opcode = static_cast<std::uint8_t>(opcode), .off = static_cast<std::int16_t>(off), .imm = imm};
  made.dst = dst & 0xfU;
  made.src = src & 0xfU;
  return made;
}

// A field that an instruction does not use is set.
struct Reserved {
  Insn insn;
  const char* line;
};

class ReservedFields : public testing::TestWithParam<Reserved> {};

TEST_P(ReservedFields, are_refused) {
  EXPECT_EQ(refusal({GetParam().insn}), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Decode, ReservedFields,
    testing::Values(Reserved{insn(0x07, 1, 2, 0, 5), "BPF_ALU uses reserved fields"},  // add imm with src
                    Reserved{insn(0x0f, 1, 2, 0, 5), "BPF_ALU uses reserved fields"},  // add reg with imm
                    Reserved{insn(0x0f, 1, 2, 1, 0), "BPF_ALU uses reserved fields"},  // signed addition
                    Reserved{insn(0x3f, 1, 2, 2, 0), "BPF_ALU uses reserved fields"},  // division with off 2
                    Reserved{insn(0xb7, 1, 2, 0, 5), "BPF_MOV uses reserved fields"},  // mov imm with src
                    Reserved{insn(0xb7, 1, 0, 8, 5), "BPF_MOV uses reserved fields"},  // movsx of a constant
                    Reserved{insn(0xbc, 1, 2, 32, 0),
                             "BPF_MOV uses reserved fields"},  // 32-bit movsx of 32 bits
                    Reserved{insn(0xbf, 1, 2, 7, 0), "BPF_MOV uses reserved fields"},
                    Reserved{insn(0x87, 1, 0, 0, 1), "BPF_NEG uses reserved fields"},
                    Reserved{insn(0x8f, 1, 0, 0, 0), "BPF_NEG uses reserved fields"},
                    Reserved{insn(0xd4, 1, 0, 0, 8), "BPF_END uses reserved fields"},  // le8
                    Reserved{insn(0xd4, 1, 2, 0, 16), "BPF_END uses reserved fields"},
                    Reserved{insn(0xdf, 1, 0, 0, 16), "BPF_END uses reserved fields"},  // bswap as big endian
                    Reserved{insn(0x61, 1, 2, 0, 1), "BPF_LDX uses reserved fields"},
                    Reserved{insn(0x63, 1, 2, 0, 1), "BPF_STX uses reserved fields"},
                    Reserved{insn(0x62, 1, 2, 0, 1), "BPF_ST uses reserved fields"},
                    Reserved{insn(0x05, 1, 0, 0, 0), "BPF_JA uses reserved fields"},
                    Reserved{insn(0x05, 0, 0, 0, 1), "BPF_JA uses reserved fields"},
                    Reserved{insn(0x06, 0, 0, 1, 0), "BPF_JA uses reserved fields"},
                    Reserved{insn(0x15, 1, 2, 0, 0), "BPF_JMP uses reserved fields"},
                    Reserved{insn(0x1d, 1, 2, 0, 1), "BPF_JMP uses reserved fields"},
                    Reserved{insn(0x16, 1, 2, 0, 0), "BPF_JMP32 uses reserved fields"},
                    Reserved{insn(0xe5, 0, 1, 0, 0), "BPF_JCOND uses reserved fields"},
                    Reserved{insn(0x85, 1, 0, 0, 1), "BPF_CALL uses reserved fields"},
                    Reserved{insn(0x85, 0, 0, 1, 1), "BPF_CALL uses reserved fields"},
                    Reserved{insn(0x85, 0, 3, 0, 1), "BPF_CALL uses reserved fields"},
                    Reserved{insn(0x95, 0, 0, 0, 1), "BPF_EXIT uses reserved fields"},
                    Reserved{insn(0x20, 1, 0, 0, 0), "BPF_LD_[ABS|IND] uses reserved fields"},
                    Reserved{insn(0x20, 0, 1, 0, 0), "BPF_LD_[ABS|IND] uses reserved fields"}));

TEST(Decode, atomics_have_a_closed_list_of_operations) {
  EXPECT_EQ(refusal({insn(0xdb, 10, 1, -8, 0x10)}), "BPF_ATOMIC uses invalid atomic opcode 10");
  EXPECT_EQ(refusal({insn(0xdb, 10, 1, -8, 0xe0)}), "BPF_ATOMIC uses invalid atomic opcode e0");
  EXPECT_EQ(refusal({insn(0xdb, 10, 1, -8, 0xf0)}), "BPF_ATOMIC uses invalid atomic opcode f0");
  EXPECT_EQ(refusal({insn(0xcb, 10, 1, -8, 0x00)}), "unknown opcode cb");  // 16 bits
  EXPECT_EQ(refusal({insn(0xcb, 10, 1, -8, kAtomicStoreRelease)}), "");
}

TEST(Decode, an_atomic_that_fetches_does_not_fetch_into_r10) {
  EXPECT_EQ(refusal({insn(0xdb, 1, 10, 0, kAtomicAdd | kAtomicFetch)}), "frame pointer is read only");
  EXPECT_EQ(refusal({insn(0xdb, 1, 10, 0, kAtomicAdd)}), "");
  EXPECT_EQ(refusal({insn(0xdb, 1, 10, 0, kAtomicCmpxchg)}), "");
}

TEST(Decode, registers_end_at_r10) {
  EXPECT_EQ(refusal({insn(0x07, 11, 0, 0, 1)}), "R11 is invalid");
  EXPECT_EQ(refusal({insn(0x0f, 1, 15, 0, 0)}), "R15 is invalid");
  EXPECT_EQ(refusal({insn(0x61, 1, 12, 0, 0)}), "R12 is invalid");
  EXPECT_EQ(refusal({insn(0x15, 13, 0, 0, 0)}), "R13 is invalid");
}

TEST(Decode, a_wide_load_is_two_slots) {
  const std::array<Insn, 2> wide = {insn(0x18, 3, 0, 0, 0x55667788), insn(0, 0, 0, 0, 0x11223344)};
  const Result<Instruction> decoded = decode(wide);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<LoadImm64>(*decoded).value(), 0x1122334455667788U);
  EXPECT_EQ(refusal({insn(0x18, 3, 7, 0, 0), insn(0, 0, 0, 0, 0)}), "unrecognized bpf_ld_imm64 insn");
  EXPECT_EQ(refusal({insn(0x18, 3, 0, 0, 0), insn(0, 1, 0, 0, 0)}), "invalid bpf_ld_imm64 insn");
}

// Every opcode with plausible fields: what decodes encodes to the same bytes.
TEST(Decode, encoding_is_the_inverse) {
  std::set<unsigned> opcodes;
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    for (const unsigned dst : {0U, 3U}) {
      for (const unsigned src : {0U, 1U, 2U, 4U}) {
        for (const int off : {0, 1, 8, 16, 32, -7}) {
          for (const int imm : {0, 1, 16, 32, 64, 0xe1, 0xf1, 0x51, 0x100, 0x110, -5}) {
            const std::array<Insn, 2> code = {insn(opcode, dst, src, off, imm), insn(0, 0, 0, 0, 99)};
            const Result<Instruction> decoded = decode(code);
            if (!decoded) continue;
            opcodes.insert(opcode);
            const Encoded encoded = encode(*decoded);
            EXPECT_EQ(encoded.slots[0], code[0]) << "opcode " << opcode << " off " << off << " imm " << imm;
            EXPECT_TRUE(encoded.count == 1 || encoded.slots[1] == code[1]);
          }
        }
      }
    }
  }
  // ALU: 2 classes of 12 operations with two operands, negation, and 3 byte swaps; jumps: 2 classes of 11
  // comparisons with two operands, 2 goto, may_goto, call, exit; loads 4 + 3, stores 8, atomic 4, legacy 6,
  // wide 1.
  EXPECT_EQ(opcodes.size(), 2U * 12 * 2 + 2 + 3 + 2 * 11 * 2 + 2 + 3 + 7 + 8 + 4 + 6 + 1);
}

}  // namespace
}  // namespace netkit::bpf
