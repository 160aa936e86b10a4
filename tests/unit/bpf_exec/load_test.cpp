// What the interpreter refuses to load, and with which line.
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Load = Interpreter;

TEST_F(Load, an_empty_program_is_refused) {
  EXPECT_EQ(refusal(""), "program test: program test has no instructions");
}

TEST_F(Load, the_last_instruction_must_leave) {
  EXPECT_EQ(refusal("r0 = 0"), "program test: insn 0: last insn is not an exit or jmp");
  EXPECT_EQ(refusal("r0 = 1 ll"), "program test: insn 1: last insn is not an exit or jmp");
}

TEST_F(Load, a_function_must_not_run_into_the_next_one) {
  EXPECT_THAT(refusal("call sub; exit; r0 = 0; sub: r0 = 1; exit"),
              HasSubstr("insn 2: last insn is not an exit or jmp"));
}

TEST_F(Load, jumps_stay_in_the_program) {
  EXPECT_THAT(refusal("goto pc+5; exit"), HasSubstr("insn 0: jump out of range from insn 0 to 6"));
  EXPECT_THAT(refusal("r0 = 0; if r0 == 0 goto pc-9; exit"),
              HasSubstr("jump out of range from insn 1 to -7"));
  EXPECT_THAT(refusal("gotol pc+100000; exit"), HasSubstr("jump out of range from insn 0 to 100001"));
}

TEST_F(Load, jumps_stay_in_their_function) {
  EXPECT_THAT(refusal("call sub; goto inside; exit; sub: r0 = 0; inside: r0 = 1; exit"),
              HasSubstr("jump out of range from insn 1 to 4"));
}

TEST_F(Load, nothing_leads_into_a_wide_instruction) {
  EXPECT_THAT(refusal("goto pc+1; r0 = 1 ll; exit"), HasSubstr("jump into the middle of ldimm64 insn 2"));
  EXPECT_THAT(refusal("call pc+2; exit; r0 = 1 ll; exit"),
              HasSubstr("call into the middle of ldimm64 insn 3"));
}

TEST_F(Load, a_wide_instruction_needs_both_halves) {
  EXPECT_THAT(refusal("raw 0x18 0 0 0 1"), HasSubstr("invalid bpf_ld_imm64 insn"));
  EXPECT_THAT(refusal("raw 0x18 0 0 0 1; exit"), HasSubstr("invalid bpf_ld_imm64 insn"));
}

TEST_F(Load, unknown_opcodes_are_named) {
  EXPECT_THAT(refusal("raw 0xff 0 0 0 0; exit"), HasSubstr("unknown opcode ff"));
  EXPECT_THAT(refusal("raw 0x8d 1 0 0 0; exit"), HasSubstr("indirect calls (callx) are not supported"));
}

TEST_F(Load, the_frame_pointer_is_read_only) {
  EXPECT_THAT(refusal("r10 = 0; exit"), HasSubstr("frame pointer is read only"));
  EXPECT_THAT(refusal("r10 = *(u64 *)(r1 +0); exit"), HasSubstr("frame pointer is read only"));
}

TEST_F(Load, registers_end_at_ten) {
  EXPECT_THAT(refusal("raw 0xbf 0 11 0 0; exit"), HasSubstr("R11 is invalid"));
}

TEST_F(Load, helpers_we_lack_are_named) {
  EXPECT_THAT(refusal("call 27; exit"), HasSubstr("insn 0: helper bpf_get_stackid#27 is not supported"));
  EXPECT_THAT(refusal("call 9999; exit"), HasSubstr("invalid func unknown#9999"));
}

TEST_F(Load, kfuncs_ksyms_and_arenas_are_refused_by_name) {
  EXPECT_THAT(refusal("call kernel#12; exit"), HasSubstr("there is no kernel function number 12"));
  kfuncs_ = {"bpf_obj_new", "bpf_made_up", "bpf_iter_num_new"};
  EXPECT_THAT(refusal("call kernel#0; exit"),
              HasSubstr("kernel function bpf_obj_new is not supported (kernel objects"));
  EXPECT_THAT(refusal("call kernel#1; exit"), HasSubstr("there is no kernel function bpf_made_up"));
  EXPECT_EQ(refusal("call kernel#2; exit"), "");
  EXPECT_THAT(refusal("raw 0x18 1 3 0 7; raw 0 0 0 0 0; exit"), HasSubstr("ksym"));
  EXPECT_THAT(refusal("raw 0xbf 1 2 1 1; exit"), HasSubstr("addr_space_cast"));
  EXPECT_THAT(refusal("raw 0x8d 1 0 0 0; exit"), HasSubstr("callx"));
}

TEST_F(Load, gpl_helpers_need_a_gpl_program) {
  gpl_ = false;
  EXPECT_THAT(
      refusal("call 6; exit"),
      HasSubstr("cannot call GPL-restricted function bpf_trace_printk#6 from non-GPL compatible program"));
  gpl_ = true;
  EXPECT_EQ(refusal("call 6; exit"), "");
}

TEST_F(Load, map_references_must_exist) {
  EXPECT_THAT(refusal("r1 = map[0]; exit"), HasSubstr("there is no map number 0, the program has 0"));
  add_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 1});
  EXPECT_EQ(refusal("r1 = map[0]; exit"), "");
  EXPECT_EQ(refusal("r1 = map[0]+7; exit"), "");
  EXPECT_THAT(refusal("r1 = map[0]+8; exit"),
              HasSubstr("invalid access to map value pointer, value_size=8 off=8"));
}

TEST_F(Load, function_references_must_exist) {
  EXPECT_EQ(refusal("r1 = function 0; exit"), "");
  EXPECT_THAT(refusal("r1 = function 1; exit"), HasSubstr("there is no function number 1"));
}

TEST_F(Load, other_program_types_are_refused) {
  const auto xdp = image("exit");
  xdp->type = ProgramType::kXdp;
  const auto program = prepare_interpreted(xdp);
  ASSERT_FALSE(program);
  EXPECT_THAT(program.error().text, HasSubstr("has type 6"));
}

TEST_F(Load, a_refusal_names_the_source_line) {
  const auto with_lines = image("r0 = 0; call 27; exit");
  with_lines->lines = {{0, 10, 1, "nat.c", "  int x = 0;"},
                       {1, 11, 1, "nat.c", "  x = bpf_get_stackid(ctx, &m, 0);"}};
  const auto program = prepare_interpreted(with_lines);
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().text,
            "program test: insn 1: helper bpf_get_stackid#27 is not supported (no program of this type can "
            "use it), nat.c:11: x = "
            "bpf_get_stackid(ctx, &m, 0);");
}

TEST_F(Load, a_loaded_program_knows_what_it_is) {
  const ProgramRef program = load("r0 = 0; exit");
  EXPECT_EQ(program->name, "test");
  EXPECT_NE(program->id, 0U);
  EXPECT_NE(program->load_time, 0U);
  EXPECT_FALSE(program->reads_tstamp_type);
  EXPECT_TRUE(load("r0 = *(u8 *)(r1 +180); exit")->reads_tstamp_type);
}

}  // namespace
}  // namespace netkit::bpf::test
