// Disassembler and assembler: the words of bpftool, and that one reads what the other prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bpf/isa/assembler.h"
#include "bpf/isa/disassembler.h"

namespace netkit::bpf {
namespace {

// Instructions as bpftool prints them; all of them are read back to the same bytes.
class Text : public testing::TestWithParam<const char*> {};

TEST_P(Text, is_read_and_printed_alike) {
  const std::string line = GetParam();
  const Result<std::vector<Insn>> insns = assemble(line);
  ASSERT_TRUE(insns) << insns.error().text;
  const Result<Instruction> decoded = decode(*insns);
  ASSERT_TRUE(decoded) << decoded.error().text;
  EXPECT_EQ(disassemble(*decoded), line);
}

INSTANTIATE_TEST_SUITE_P(
    Isa, Text,
    testing::Values(
        "r1 = r2", "w1 = w2", "r1 = -5", "w1 = 7", "r1 += r2", "w1 += 3", "r3 -= r4", "r3 *= r4", "r3 /= r4",
        "w3 s/= w4", "r3 %= 7", "r3 s%= 7", "r3 |= r4", "r3 &= r4", "r3 ^= r4", "r3 <<= 3", "w3 >>= 3",
        "r3 s>>= 3", "r1 = -r1", "w1 = -w1", "r1 = (s8)r2", "r1 = (s16)r2", "r1 = (s32)r2", "w1 = (s8)w2",
        "w1 = (s16)w2", "r1 = be16 r1", "r1 = le32 r1", "r1 = bswap64 r1", "r1 = *(u8 *)(r2 +0)",
        "r1 = *(u16 *)(r2 -2)", "r1 = *(u32 *)(r2 +8)", "r1 = *(u64 *)(r10 -512)", "r1 = *(s8 *)(r2 +1)",
        "r1 = *(s16 *)(r2 +2)", "r1 = *(s32 *)(r2 +4)", "*(u8 *)(r1 +0) = r2", "*(u64 *)(r10 -8) = -1",
        "lock *(u32 *)(r1 +0) += w2", "lock *(u64 *)(r1 +8) |= r2", "lock *(u64 *)(r1 +8) &= r2",
        "lock *(u64 *)(r1 +8) ^= r2", "r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)",
        "w2 = atomic_fetch_xor((u32 *)(r1 +0), w2)", "r2 = atomic64_xchg((u64 *)(r1 -8), r2)",
        "r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)", "w0 = atomic_cmpxchg((u32 *)(r1 +0), w0, w2)",
        "r1 = load_acquire((u16 *)(r2 +4))", "store_release((u64 *)(r1 +0), r2)", "r0 = *(u8 *)skb[14]",
        "r0 = *(u32 *)skb[r7 + 12]", "goto pc+5", "gotol pc-70000", "may_goto pc+2", "if r1 == 0x5 goto pc+3",
        "if w1 != w2 goto pc-4", "if r1 s>= 0xffffffff goto pc+0", "if r1 & 0x1 goto pc+1",
        "if r1 < r2 goto pc+1", "if r1 s<= r2 goto pc+1", "if r1 > r2 goto pc+1", "call pc+7",
        "call unknown#12", "exit"));

TEST(Disassembler, names_come_from_outside) {
  Naming naming;
  naming.helper = [](std::uint32_t number) { return number == 1 ? "map_lookup_elem" : ""; };
  naming.pseudo = [](const LoadImm64& load) { return "map[id:" + std::to_string(load.low) + "]"; };
  naming.kfunc = [](std::int32_t) { return "bpf_rdonly_cast"; };
  EXPECT_EQ(disassemble(CallHelper{1}, naming), "call bpf_map_lookup_elem#1");
  EXPECT_EQ(disassemble(CallHelper{2}, naming), "call unknown#2");
  EXPECT_EQ(disassemble(LoadImm64{kMapFd, Reg::r1, 5, 0}, naming), "r1 = map[id:5]");
  EXPECT_EQ(disassemble(LoadImm64{kImm64, Reg::r1, 5, 1}, naming), "r1 = 0x100000005");
  EXPECT_EQ(disassemble(CallKfunc{77, 0}, naming), "call bpf_rdonly_cast#77");
}

TEST(Disassembler, a_program_has_a_line_for_each_instruction) {
  const auto insns = assemble("r0 = 0x100000000 ll; r1 = *(u32 *)(r1 +8); raw 0xff 1 0 0 3; exit");
  ASSERT_TRUE(insns);
  EXPECT_EQ(disassemble_program(*insns),
            "   0: (18) r0 = 0x100000000\n"
            "   2: (61) r1 = *(u32 *)(r1 +8)\n"
            "   3: (ff) opcode 0xff dst 1 src 0 off 0 imm 3: unknown opcode ff\n"
            "   4: (95) exit\n");
}

TEST(Assembler, labels_comments_and_statements) {
  const auto insns = assemble(R"(
    r0 = 0        // counter
    again:
    r0 += 1; if r0 != 5 goto again
    call sub
    exit
    sub: exit)");
  ASSERT_TRUE(insns) << insns.error().text;
  ASSERT_EQ(insns->size(), 6U);
  EXPECT_EQ((*insns)[2].off, -2);
  EXPECT_EQ((*insns)[3].imm, 1);
  EXPECT_EQ((*insns)[3].src, kCallLocal);
}

TEST(Assembler, pseudo_loads) {
  const auto insns =
      assemble("r1 = map[2]; r2 = map[1]+16; r3 = function 4; r4 = 5 ll; r5 = 0xffffffffffffffff");
  ASSERT_TRUE(insns) << insns.error().text;
  ASSERT_EQ(insns->size(), 9U);
  EXPECT_EQ((*insns)[0].src, kMapFd);
  EXPECT_EQ((*insns)[0].imm, 2);
  EXPECT_EQ((*insns)[2].src, kMapValue);
  EXPECT_EQ((*insns)[3].imm, 16);
  EXPECT_EQ((*insns)[4].src, kFunction);
  EXPECT_EQ((*insns)[6].opcode, kLdImm64);
  EXPECT_EQ((*insns)[8].opcode, 0xb7);  // -1 fits a plain move
}

TEST(Assembler, errors_name_line_and_place) {
  EXPECT_EQ(assemble("r0 = 0\nfoo bar").error().text, "line 2: expected an instruction at 'foo bar'");
  EXPECT_EQ(assemble("r0 ? 1").error().text, "line 1: expected an operator at '? 1'");
  EXPECT_EQ(assemble("r0 = 0 0").error().text, "line 1: expected the end of the instruction at '0'");
  EXPECT_EQ(assemble("goto nowhere").error().text, "there is no label 'nowhere'");
  EXPECT_EQ(assemble("r11 = 0").error().text, "line 1: expected an instruction at 'r11 = 0'");
  EXPECT_EQ(assemble("r1 = *(u24 *)(r1 +0)").error().text,
            "line 1: expected (uN *)(rN +off) at '24 *)(r1 +0)'");
  EXPECT_EQ(assemble("*(u8 *)(r1 +40000) = 1").error().text,
            "line 1: expected an offset of 16 bits before at '= 1'");
}

}  // namespace
}  // namespace netkit::bpf
