// Calls: functions of the program, callbacks, tail calls, helpers and their contracts, the budget.
#include <algorithm>

#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Calls = Interpreter;

TEST_F(Calls, a_function_gets_its_arguments_and_gives_r0) {
  EXPECT_EQ(run("r1 = 3; r2 = 4; call add; exit; add: r0 = r1; r0 += r2; exit"), 7U);
}

TEST_F(Calls, r6_to_r9_survive_a_call) {
  EXPECT_EQ(run("r6 = 1; r7 = 2; r8 = 3; r9 = 4; call sub; r0 = r6; r0 += r7; r0 += r8; r0 += r9; exit;"
                "sub: r6 = 100; r7 = 100; r8 = 100; r9 = 100; r0 = 0; exit"),
            10U);
}

TEST_F(Calls, r1_to_r5_do_not_survive_a_call) {
  const std::string code = "r1 = r10; r1 += -8; call sub; r0 = *(u64 *)(r1 +0); exit; sub: r0 = 0; exit";
  EXPECT_EQ(fault(code), "read of 8 bytes at an address in a register that a call has clobbered, insn 3");
  EXPECT_EQ(fault("r1 = r10; r1 += -8; call 7; r0 = *(u64 *)(r1 +0); exit"),
            "read of 8 bytes at an address in a register that a call has clobbered, insn 3");
}

TEST_F(Calls, every_frame_has_its_own_stack) {
  EXPECT_EQ(run("*(u64 *)(r10 -8) = 5; call sub; r0 = *(u64 *)(r10 -8); exit; sub: *(u64 *)(r10 -8) = 9; r0 "
                "= 0; exit"),
            5U);
  EXPECT_EQ(run("*(u64 *)(r10 -8) = 5; r1 = r10; call sub; exit; sub: r0 = *(u64 *)(r1 -8); exit"), 5U);
  EXPECT_EQ(run("*(u64 *)(r10 -8) = 5; call sub; exit; sub: r0 = *(u64 *)(r10 -8); exit"), 0U);
}

TEST_F(Calls, the_frame_of_a_function_that_returned_is_gone) {
  EXPECT_THAT(fault("call sub; r0 = *(u64 *)(r0 -8); exit; sub: *(u64 *)(r10 -8) = 9; r0 = r10; exit"),
              StartsWith("read of 8 bytes at stack-520"));
}

TEST_F(Calls, sixteen_frames_and_no_more) {
  const std::string recursion =
      "call down; exit; down: if r1 == 0 goto out; r1 += -1; call down; out: r0 = 1; exit";
  EXPECT_EQ(run("r1 = 14; " + recursion), 1U);
  EXPECT_THAT(fault("r1 = 15; " + recursion), StartsWith("the call stack is 16 frames deep"));
}

TEST_F(Calls, an_endless_program_is_ended) {
  run_.instruction_limit = 1000;
  EXPECT_EQ(fault("again: goto again; exit"), "the program did not end within 1000 instructions, insn 0");
  EXPECT_EQ(fault("r0 = 0; again: r0 += 1; if r0 != 0 goto again; exit"),
            "the program did not end within 1000 instructions, insn 2");
}

TEST_F(Calls, what_was_executed_is_counted) {
  run_.instruction_limit = 1000;
  run("r0 = 10; again: r0 += -1; if r0 != 0 goto again; exit");
  EXPECT_EQ(1000 - run_.budget, 1U + 20U + 1U);
}

TEST_F(Calls, may_goto_runs_out) {
  EXPECT_EQ(run("r0 = 0; again: may_goto out; r0 += 1; goto again; out: exit"), 8'388'608U);
}

TEST_F(Calls, a_poisoned_access_matters_only_when_it_is_reached) {
  EXPECT_EQ(run("r0 = 1; if r0 == 1 goto out; call 195896080; out: exit"), 1U);
  EXPECT_THAT(fault("call 195896080; exit"),
              StartsWith("reached an access whose CO-RE relocation found no target"));
}

// ---- callbacks ----

TEST_F(Calls, bpf_loop_calls_a_function) {
  functions_ = {10};
  // insn 0.. : loop(5, body, &stack, 0); body adds its index to *context.
  EXPECT_EQ(run("*(u64 *)(r10 -8) = 0; r1 = 5; r2 = function 1; r3 = r10; r3 += -8; r4 = 0; call 181; r0 = "
                "*(u64 *)(r10 -8); exit;"
                "body: r3 = *(u64 *)(r2 +0); r3 += r1; *(u64 *)(r2 +0) = r3; r0 = 0; exit"),
            0U + 1 + 2 + 3 + 4);
}

TEST_F(Calls, a_callback_stops_the_loop) {
  functions_ = {8};
  EXPECT_EQ(run("r1 = 100; r2 = function 1; r3 = 0; r4 = 0; call 181; r6 = r0; exit; body: r0 = 0; if r1 != "
                "6 goto out; r0 = 1; out: exit"),
            7U);
}

TEST_F(Calls, a_fault_in_a_callback_ends_the_run) {
  functions_ = {7};
  EXPECT_EQ(fault("r1 = 100; r2 = function 1; r3 = 0; r4 = 0; call 181; exit; r0 = *(u8 *)(r2 +0); exit"),
            "read of 1 byte at null+0, insn 7");
}

TEST_F(Calls, an_endless_callback_is_ended) {
  functions_ = {7};
  run_.instruction_limit = 1000;
  EXPECT_THAT(fault("r1 = 8000000; r2 = function 1; r3 = 0; r4 = 0; call 181; exit; r0 = 0; exit"),
              StartsWith("the program did not end within 1000 instructions"));
}

TEST_F(Calls, only_functions_are_called_back) {
  EXPECT_THAT(fault("r1 = 1; r2 = 4096; r3 = 0; r4 = 0; call 181; exit"),
              StartsWith("call back to what is not a function of the program"));
}

TEST_F(Calls, callbacks_nest_up_to_the_limit_of_frames) {
  functions_ = {7};
  EXPECT_THAT(fault("r1 = 1; r2 = function 1; r3 = 0; r4 = 0; call 181; exit; r1 = 1; r2 = function 1; r3 = "
                    "0; r4 = 0; call 181; exit"),
              StartsWith("the call stack is 16 frames deep"));
}

// ---- tail calls ----

class TailCalls : public Interpreter {
 protected:
  TailCalls() {
    programs_ = &add_map(
        {.name = "jmp", .type = MapType::kProgArray, .key_size = 4, .value_size = 4, .max_entries = 4});
  }
  void put(std::uint32_t slot, const ProgramRef& program) {
    EXPECT_TRUE(programs_->write(std::as_bytes(std::span(&slot, 1)),
                                 std::as_bytes(std::span(&program->id, 1)), kAny));
  }
  static std::string jump(int slot) { return "r2 = map[0]; r3 = " + std::to_string(slot) + "; call 12; "; }
  Map* programs_;
};

TEST_F(TailCalls, the_target_takes_over) {
  put(1, load("r0 = 42; exit"));
  EXPECT_EQ(run(jump(1) + "r0 = 1; exit"), 42U);
  EXPECT_EQ(run_.tail_calls, 1U);
}

TEST_F(TailCalls, an_empty_slot_or_a_bad_index_falls_through) {
  EXPECT_EQ(run(jump(0) + "r0 = 1; exit"), 1U);
  EXPECT_EQ(run(jump(4) + "r0 = 2; exit"), 2U);
  EXPECT_EQ(run(jump(-1) + "r0 = 3; exit"), 3U);
  EXPECT_EQ(run_.tail_calls, 0U);
}

TEST_F(TailCalls, thirty_three_are_taken) {
  packet_->meta.mark = 0;
  put(0, load("r6 = r1; r0 = *(u32 *)(r1 +8); r0 += 1; *(u32 *)(r1 +8) = r0; " + jump(0) +
              "r0 = *(u32 *)(r6 +8); exit"));
  EXPECT_EQ(run(jump(0) + "r0 = 0; exit"), 33U);
  EXPECT_EQ(run_.tail_calls, 33U);
}

TEST_F(TailCalls, the_target_gets_the_context_and_its_own_data) {
  packet_->meta.mark = 9;
  put(0, load("r0 = *(u32 *)(r1 +8); exit"));
  EXPECT_EQ(run(jump(0) + "r0 = 0; exit"), 9U);
}

TEST_F(TailCalls, from_a_function_the_target_returns_to_its_caller) {
  put(0, load("r0 = 5; r6 = 77; exit"));
  EXPECT_EQ(run("r6 = 1; call sub; r0 += r6; exit; sub: " + jump(0) + "r0 = 100; exit"), 6U);
}

TEST_F(TailCalls, a_function_may_go_on_in_a_program_with_functions_thirty_three_times) {
  const std::string again = "call sub; r0 += 1; exit; sub: " + jump(0) + "r0 = 100; exit";
  put(0, load(again));
  EXPECT_EQ(run(again), 134U) << "each program adds one when its function comes back";
}

TEST_F(TailCalls, not_from_a_callback) {
  put(0, load("r0 = 0; exit"));
  functions_ = {9};
  EXPECT_THAT(
      fault("r6 = r1; *(u64 *)(r10 -8) = r6; r1 = 1; r2 = function 1; r3 = r10; r3 += -8; call 181; exit;"
            "body: r1 = *(u64 *)(r2 +0); " +
            jump(0) + "r0 = 0; exit"),
      StartsWith("tail call inside a callback"));
}

TEST_F(TailCalls, only_through_program_arrays) {
  add_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 4, .max_entries = 4});
  EXPECT_THAT(
      fault("r2 = map[1]; r3 = 0; call 12; exit"),
      StartsWith("argument 2 of bpf_tail_call is a map of type array, which this helper does not take"));
}

TEST_F(TailCalls, programs_of_another_attach_type_do_not_share_the_array) {
  static_cast<void>(load("r1 = map[0]; exit"));
  const auto other = image("r1 = map[0]; exit");
  other->expected_attach_type = AttachType::kNetkitPeer;
  EXPECT_FALSE(prepare_interpreted(other));
}

// ---- contracts of helpers ----

class Contracts : public Interpreter {
 protected:
  Contracts() {
    add_map({.name = "h", .type = MapType::kArray, .key_size = 4, .value_size = 16, .max_entries = 4});
    add_map({.name = "ro",
             .type = MapType::kArray,
             .key_size = 4,
             .value_size = 8,
             .max_entries = 1,
             .flags = kRdonlyProg});
  }
};

TEST_F(Contracts, a_map_argument_is_a_map_of_the_program) {
  EXPECT_THAT(fault("r1 = r10; r2 = r10; r2 += -4; call 1; exit"),
              StartsWith("argument 1 of bpf_map_lookup_elem is not a map of the program"));
  EXPECT_THAT(fault("r1 = map[0]; r1 += 8; r2 = r10; r2 += -4; call 1; exit"),
              StartsWith("argument 1 of bpf_map_lookup_elem is not a map"));
}

TEST_F(Contracts, a_key_is_readable_memory_of_its_size) {
  EXPECT_THAT(fault("r1 = map[0]; r2 = r10; r2 += -2; call 1; exit"),
              StartsWith("argument 2 of bpf_map_lookup_elem is not 4 bytes of readable memory: stack-2 (a "
                         "frame has 512 bytes)"));
  EXPECT_THAT(fault("r1 = map[0]; r2 = 0; call 1; exit"),
              StartsWith("argument 2 of bpf_map_lookup_elem is not 4 bytes of readable memory: null+0"));
  EXPECT_THAT(fault("r2 = r1; r1 = map[0]; call 1; exit"),
              StartsWith("argument 2 of bpf_map_lookup_elem is not 4 bytes of readable memory: ctx+0"));
}

TEST_F(Contracts, a_key_may_lie_in_the_packet) {
  EXPECT_NE(run("r2 = *(u32 *)(r1 +76); r1 = map[0]; call 1; exit"), 0U);
}

TEST_F(Contracts, a_value_is_readable_memory_of_its_size) {
  EXPECT_THAT(fault("r1 = map[0]; r2 = r10; r2 += -4; r3 = r10; r3 += -8; r4 = 0; call 2; exit"),
              StartsWith("argument 3 of bpf_map_update_elem is not 16 bytes of readable memory: stack-8"));
}

TEST_F(Contracts, programs_do_not_update_read_only_maps) {
  EXPECT_THAT(fault("r1 = map[1]; r2 = r10; r2 += -4; r3 = r10; r3 += -16; r4 = 0; call 2; exit"),
              HasSubstr("read-only for programs"));
}

TEST_F(Contracts, memory_arguments_have_their_size_behind_them) {
  // csum_diff would do as well; trace_printk(fmt, size) is there from the start.
  EXPECT_THAT(fault("r1 = r10; r1 += -8; r2 = 9; call 6; exit"),
              HasSubstr("argument 1 of bpf_trace_printk is not 9 bytes of readable memory: stack-8"));
  EXPECT_THAT(fault("r1 = r10; r1 += -8; r2 = -1; call 6; exit"),
              HasSubstr("argument 1 of bpf_trace_printk is -1, no valid size"));
  EXPECT_THAT(fault("r2 = 9; r1 = *(u32 *)(r1 +76); call 6; exit"),
              HasSubstr("is packet memory, which this helper does not take"));
}

TEST_F(Contracts, the_context_is_what_r1_was) {
  EXPECT_EQ(fault("r1 = 0; r2 = 0; call 39; exit"),
            "argument 1 of bpf_skb_pull_data is not the context, insn 2");
  EXPECT_EQ(fault("r1 += 4; r2 = 0; call 39; exit"),
            "argument 1 of bpf_skb_pull_data is not the context, insn 2");
}

TEST_F(Contracts, memory_to_be_filled_is_writable) {
  EXPECT_THAT(fault("r2 = 0; r3 = 0; r4 = 4; call 26; exit"),
              StartsWith("argument 3 of bpf_skb_load_bytes is not 4 bytes of writable memory: null+0"));
  EXPECT_THAT(fault("r2 = 0; r3 = r10; r3 += -516; r4 = 4; call 26; exit"),
              StartsWith("argument 3 of bpf_skb_load_bytes is not 4 bytes of writable memory: stack-516"));
  EXPECT_THAT(fault("r2 = 0; r3 = map[1]+0; r4 = 4; call 26; exit"),
              StartsWith("argument 3 of bpf_skb_load_bytes is read-only memory"));
  EXPECT_THAT(
      fault("r3 = *(u32 *)(r1 +76); r2 = 0; r4 = 4; call 26; exit"),
      StartsWith("argument 3 of bpf_skb_load_bytes is packet memory, which this helper does not take"));
  EXPECT_THAT(fault("r2 = 0; r3 = r10; r3 += -8; r4 = 0; call 26; exit"),
              StartsWith("argument 3 of bpf_skb_load_bytes is memory of no bytes"));
}

TEST_F(Contracts, the_context_of_a_loop_is_stack_or_null) {
  EXPECT_EQ(fault("r1 = 1; r2 = function 0; r3 = 8; r4 = 0; call 181; exit"),
            "argument 3 of bpf_loop is neither stack nor null, insn 5");
}

TEST_F(Contracts, a_format_is_a_string_in_read_only_memory) {
  const std::string print = "r1 = 0; r2 = 0; r4 = 0; r5 = 0; call 165; exit";
  EXPECT_THAT(fault("r3 = r10; r3 += -8; " + print),
              StartsWith("argument 3 of bpf_snprintf is not a string in read-only map memory"));
  const std::uint32_t key = 0;
  const std::uint64_t unterminated = ~std::uint64_t{0};
  ASSERT_TRUE(
      maps_[1]->write(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&unterminated, 1)), kAny));
  EXPECT_THAT(fault("r3 = map[1]+0; " + print),
              StartsWith("argument 3 of bpf_snprintf is a string without end"));
}

TEST_F(Contracts, a_helpers_fault_names_the_source_line) {
  const auto with_lines = image("r1 = 0; r2 = 0; call 39; exit");
  with_lines->lines = {{0, 7, 1, "lb.c", "  bpf_skb_pull_data(0, 0);"}};
  const auto program = prepare_interpreted(with_lines);
  ASSERT_TRUE(program);
  EXPECT_EQ(run_program(run_, **program, *packet_), kDrop);
  EXPECT_EQ(run_.fault.text,
            "argument 1 of bpf_skb_pull_data is not the context, lb.c:7: bpf_skb_pull_data(0, 0);");
}

TEST_F(Contracts, uninitialised_stack_is_zero_for_helpers_too) {
  const std::uint32_t key = 0;
  const std::array<std::uint64_t, 2> value = {77, 78};
  ASSERT_TRUE(maps_[0]->write(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(value)), kAny));
  std::ranges::fill(run_.stack, std::byte{0xff});
  EXPECT_EQ(run("r1 = map[0]; r2 = r10; r2 += -256; call 1; r0 = *(u64 *)(r0 +0); exit"), 77U);
}

TEST_F(Contracts, verdicts_runs_and_faults_are_counted) {
  const ProgramRef pass = load("r0 = 0; exit");
  EXPECT_EQ(run_program(run_, *pass, *packet_), kPass);
  EXPECT_EQ(run_program(run_, *pass, *packet_), kPass);
  EXPECT_EQ(pass->counters[0].runs.get(), 2U);
  EXPECT_EQ(pass->counters[0].verdicts[1].get(), 2U);
  EXPECT_EQ(run_program(run_, *load("r0 = -1; exit"), *packet_), kNext);
  EXPECT_EQ(run_program(run_, *load("w0 = 7; exit"), *packet_), kRedirect);
  const ProgramRef bad = load("r0 = *(u8 *)(r0 +0); exit");
  EXPECT_EQ(run_program(run_, *bad, *packet_), kDrop);
  EXPECT_EQ(bad->counters[0].faults.get(), 1U);
  EXPECT_EQ(bad->counters[0].verdicts[2].get(), 1U);
  EXPECT_EQ(run_program(run_, *pass, *packet_), kPass);
  EXPECT_FALSE(run_.fault.happened);
}

TEST_F(Contracts, runs_are_timed_on_request_only) {
  const ProgramRef pass = load("r0 = 0; exit");
  static_cast<void>(run_program(run_, *pass, *packet_));
  EXPECT_EQ(pass->counters[0].nanoseconds.get(), 0U);
  set_program_timing(true);
  static_cast<void>(run_program(run_, *pass, *packet_));
  set_program_timing(false);
  EXPECT_GT(pass->counters[0].nanoseconds.get(), 0U);
}

}  // namespace
}  // namespace netkit::bpf::test
