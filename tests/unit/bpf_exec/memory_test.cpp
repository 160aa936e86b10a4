// What programs may touch, and how a fault tells what they must not.
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Memory = Interpreter;

constexpr std::string_view kPacket = "r2 = *(u32 *)(r1 +76); r3 = *(u32 *)(r1 +80);";

std::string with_packet(std::string_view code) {
  return std::string(kPacket) + std::string(code);
}

TEST_F(Memory, packet_bytes_are_read_and_written) {
  set_packet({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
  EXPECT_EQ(run(with_packet("r0 = *(u32 *)(r2 +0); exit")), 0x04030201U);
  EXPECT_EQ(run(with_packet("r0 = *(u16 *)(r3 -2); exit")), 0x0e0dU);
  EXPECT_EQ(run(with_packet("*(u8 *)(r2 +13) = 0xff; r0 = *(u64 *)(r2 +6); exit")), 0xff0d0c0b0a090807U);
  EXPECT_EQ(packet_->data()[13], 0xff);
}

TEST_F(Memory, reading_beyond_the_packet_ends_the_run) {
  set_packet(std::vector<std::uint8_t>(54));
  EXPECT_EQ(fault(with_packet("r0 = *(u32 *)(r2 +60); exit")),
            "read of 4 bytes at packet+60 (packet has 54 bytes), insn 2");
  EXPECT_EQ(run_.fault.insn, 2U);
  EXPECT_EQ(fault(with_packet("r0 = *(u32 *)(r2 +51); exit")),
            "read of 4 bytes at packet+51 (packet has 54 bytes), insn 2");
  EXPECT_EQ(fault(with_packet("*(u8 *)(r2 -1) = 1; exit")),
            "write of 1 byte at packet-1 (packet has 54 bytes), insn 2");
}

TEST_F(Memory, the_end_of_the_linear_part_is_the_end_of_the_packet) {
  packet_->set_linear_len(14);
  EXPECT_EQ(fault(with_packet("r0 = *(u8 *)(r2 +14); exit")),
            "read of 1 byte at packet+14 (packet has 14 bytes), insn 2");
}

TEST_F(Memory, the_metadata_area_lies_in_front_of_the_packet) {
  packet_->meta.meta_len = 8;
  EXPECT_EQ(run("r2 = *(u32 *)(r1 +140); *(u64 *)(r2 +0) = 7; r0 = *(u64 *)(r2 +0); exit"), 7U);
  EXPECT_EQ(fault("r2 = *(u32 *)(r1 +140); r0 = *(u8 *)(r2 -1); exit"),
            "read of 1 byte at packet-9 (packet has 64 bytes), insn 1");
}

TEST_F(Memory, a_fault_names_the_source_line) {
  const auto with_lines = image("r1 = 8; r0 = *(u32 *)(r1 +0); exit");
  with_lines->lines = {{1, 31, 3, "nat.c", "\tx = tcp->seq;"}};
  auto program = prepare_interpreted(with_lines);
  ASSERT_TRUE(program);
  EXPECT_EQ(run_program(run_, **program, *packet_), kDrop);
  EXPECT_EQ(run_.fault.text, "read of 4 bytes at null+8, nat.c:31: x = tcp->seq;");
}

TEST_F(Memory, the_stack_has_512_bytes) {
  EXPECT_EQ(run("r1 = 5; *(u64 *)(r10 -512) = r1; *(u8 *)(r10 -1) = 1; r0 = *(u64 *)(r10 -512); exit"), 5U);
  EXPECT_EQ(fault("*(u64 *)(r10 -520) = 1; exit"),
            "write of 8 bytes at stack-520 (a frame has 512 bytes), insn 0");
  EXPECT_EQ(fault("*(u64 *)(r10 -4) = 1; exit"),
            "write of 8 bytes at stack-4 (a frame has 512 bytes), insn 0");
  EXPECT_EQ(fault("r0 = *(u8 *)(r10 +0); exit"), "read of 1 byte at stack+0 (a frame has 512 bytes), insn 0");
}

TEST_F(Memory, a_fresh_stack_is_zero_whatever_ran_before) {
  const std::string fill =
      "r1 = r10; r2 = 64; again: r1 += -8; *(u64 *)(r1 +0) = -1; r2 += -1; if r2 != 0 goto again; r0 = 0; "
      "exit";
  const std::string sum =
      "r1 = r10; r2 = 64; r0 = 0; again: r1 += -8; r3 = *(u64 *)(r1 +0); r0 |= r3; r2 += -1; if r2 != 0 goto "
      "again; exit";
  run(fill);
  EXPECT_EQ(run(sum), 0U);
  run(fill);
  EXPECT_EQ(run("r1 = *(u64 *)(r10 -8); r0 = *(u64 *)(r10 -512); r0 |= r1; r1 = *(u64 *)(r10 -264); r0 |= "
                "r1; exit"),
            0U);
}

TEST_F(Memory, uninitialised_registers_are_zero) {
  run("r0 = -1; r2 = -1; r6 = -1; exit");
  EXPECT_EQ(run("r0 |= r2; r0 |= r3; r0 |= r4; r0 |= r5; r0 |= r6; r0 |= r7; r0 |= r8; r0 |= r9; exit"), 0U);
}

TEST_F(Memory, addresses_of_the_process_are_out_of_reach) {
  EXPECT_EQ(fault("r0 = *(u64 *)(r10 +4096); exit"),
            "read of 8 bytes at stack+4096 (a frame has 512 bytes), insn 0");
  EXPECT_EQ(fault("r1 = 0x7f0000000000 ll; r0 = *(u64 *)(r1 +0); exit"),
            "read of 8 bytes at an address outside of all memory of the program, insn 2");
  EXPECT_EQ(fault("r1 = -8; r0 = *(u64 *)(r1 +0); exit"),
            "read of 8 bytes at an address outside of all memory of the program, insn 1");
  EXPECT_EQ(fault("r1 = -4; r0 = *(u64 *)(r1 +0); exit"),
            "read of 8 bytes at an address outside of all memory of the program, insn 1");
}

TEST_F(Memory, map_addresses_are_out_of_reach) {
  add_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 1});
  EXPECT_THAT(fault("r1 = map[0]; r0 = *(u64 *)(r1 +0); exit"),
              StartsWith("read of 8 bytes at the map 'a' itself, not a value of it"));
  EXPECT_THAT(fault("r1 = function 0; r0 = *(u64 *)(r1 +0); exit"),
              HasSubstr("read of 8 bytes at a function"));
}

TEST_F(Memory, context_fields_are_read_and_written) {
  packet_->meta.mark = 0x11223344;
  EXPECT_EQ(run("r0 = *(u32 *)(r1 +8); exit"), 0x11223344U);
  EXPECT_EQ(run("r0 = *(u8 *)(r1 +9); exit"), 0x33U);
  EXPECT_EQ(run("r0 = *(s8 *)(r1 +8); r0 += 1; exit"), 0x45U);
  EXPECT_EQ(run("r2 = r1; r2 += 4; r0 = *(u16 *)(r2 +4); exit"), 0x3344U);
  EXPECT_EQ(run("*(u32 *)(r1 +8) = 7; r0 = 0; exit"), 0U);
  EXPECT_EQ(packet_->meta.mark, 7U);
  EXPECT_EQ(run("r0 = *(u32 *)(r1 +0); exit"), 64U);
}

TEST_F(Memory, invalid_context_accesses_end_the_run) {
  EXPECT_EQ(fault("r0 = *(u32 *)(r1 +88); exit"),
            "read of 4 bytes at ctx+88 (it has 192 bytes): invalid bpf_context access, insn 0");
  EXPECT_EQ(fault("r0 = *(u64 *)(r1 +8); exit"),
            "read of 8 bytes at ctx+8 (it has 192 bytes): invalid bpf_context access, insn 0");
  EXPECT_EQ(fault("*(u32 *)(r1 +0) = 1; exit"),
            "write of 4 bytes at ctx+0 (it has 192 bytes): invalid bpf_context access, insn 0");
  EXPECT_EQ(fault("r0 = *(s32 *)(r1 +76); exit"),
            "read of 4 bytes at ctx+76 (it has 192 bytes): invalid bpf_context access, insn 0");
  EXPECT_EQ(fault("r2 = 1; lock *(u32 *)(r1 +8) += r2; exit"),
            "atomic access of 4 bytes at ctx+8 (it has 192 bytes): the context takes no atomics, insn 1");
}

TEST_F(Memory, atomics_are_for_stack_and_values_and_aligned) {
  EXPECT_EQ(fault(with_packet("r4 = 1; lock *(u32 *)(r2 +0) += r4; exit")),
            "atomic access of 4 bytes at packet+0 (packet has 64 bytes): packets take no atomics, insn 3");
  EXPECT_EQ(fault("r4 = 1; *(u64 *)(r10 -8) = 0; *(u64 *)(r10 -16) = 0; lock *(u64 *)(r10 -12) += r4; exit"),
            "atomic access of 8 bytes at stack-12 (a frame has 512 bytes): atomics must be aligned, insn 3");
}

TEST_F(Memory, values_are_handed_out_by_lookups_and_forgotten_with_the_run) {
  add_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 12, .max_entries = 2});
  const std::string lookup =
      "*(u32 *)(r10 -4) = 1; r2 = r10; r2 += -4; r1 = map[0]; call 1; if r0 == 0 goto none; ";
  const std::string none = "; none: r0 = 0; exit";
  EXPECT_EQ(run(lookup + "*(u32 *)(r0 +8) = 77; r0 = *(u32 *)(r0 +8); exit" + none), 77U);
  EXPECT_EQ(run(lookup + "r0 = *(u32 *)(r0 +8); exit" + none), 77U);
  EXPECT_EQ(run(lookup + "r1 = 3; lock *(u32 *)(r0 +8) += r1; r0 = *(u32 *)(r0 +8); exit" + none), 80U);
  EXPECT_THAT(fault(lookup + "r0 = *(u64 *)(r0 +8); exit" + none),
              StartsWith("read of 8 bytes at map_value+8 of map "));
  EXPECT_THAT(fault(lookup + "r0 = *(u8 *)(r0 -1); exit" + none), StartsWith("read of 1 byte at "));
}

TEST_F(Memory, values_of_read_only_maps_are_not_written) {
  add_map({.name = "a",
           .type = MapType::kArray,
           .key_size = 4,
           .value_size = 8,
           .max_entries = 1,
           .flags = kRdonlyProg});
  EXPECT_THAT(fault("r1 = map[0]+0; *(u64 *)(r1 +0) = 1; exit"),
              HasSubstr("(it has 8 bytes): read-only, insn 2"));
  EXPECT_EQ(run("r1 = map[0]+0; r0 = *(u64 *)(r1 +0); exit"), 0U);
  EXPECT_THAT(
      fault("*(u32 *)(r10 -4) = 0; r2 = r10; r2 += -4; r1 = map[0]; call 1; *(u64 *)(r0 +0) = 1; exit"),
      HasSubstr("read-only"));
}

TEST_F(Memory, global_data_keeps_its_value_between_runs) {
  add_map({.name = ".bss", .type = MapType::kArray, .key_size = 4, .value_size = 16, .max_entries = 1});
  const ProgramRef program = load("r1 = map[0]+8; r0 = *(u64 *)(r1 +0); r0 += 1; *(u64 *)(r1 +0) = r0; exit");
  EXPECT_EQ(run(*program), 1U);
  EXPECT_EQ(run(*program), 2U);
  EXPECT_THAT(fault("r1 = map[0]+8; r0 = *(u64 *)(r1 +1); exit"),
              StartsWith("read of 8 bytes at global_data+9 of map "));
}

TEST_F(Memory, many_values_stay_within_reach) {
  add_map({.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 100'000});
  // Looks every value up and writes into it, then writes into the very first one again.
  EXPECT_EQ(run(R"(r6 = 0; r9 = 0
    again: *(u32 *)(r10 -4) = r6; r2 = r10; r2 += -4; r1 = map[0]; call 1
    if r6 != 0 goto store
    r9 = r0
    store: *(u64 *)(r0 +0) = r6
    r6 += 1
    if r6 != 100000 goto again
    *(u64 *)(r9 +0) = 42
    r0 = *(u64 *)(r9 +0)
    exit)"),
            42U);
}

}  // namespace
}  // namespace netkit::bpf::test
