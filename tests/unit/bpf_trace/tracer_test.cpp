// What a trace tells of a run.
#include "bpf/trace/tracer.h"

#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class TracerTest : public Interpreter {
 protected:
  std::vector<std::string> trace(const std::shared_ptr<ProgramImage>& program,
                                 TraceGrain grain = TraceGrain::kInsn) {
    std::vector<std::string> lines;
    Tracer tracer(grain, [&lines](const TraceRecord& record) { lines.push_back(squeezed(to_text(record))); });
    auto prepared = prepare_interpreted(program);
    EXPECT_TRUE(prepared) << prepared.error().text;
    run_.observer = &tracer;
    run(**prepared);
    run_.observer = nullptr;
    registers_ = tracer.registers();
    return lines;
  }
  std::vector<std::string> trace(std::string_view code) { return trace(image(code)); }

  std::vector<NamedRegister> registers_;

 private:
  // Columns mean nothing to a test.
  static std::string squeezed(const std::string& text) {
    std::string short_text;
    for (const char c : text) {
      if (c != ' ' || (!short_text.empty() && short_text.back() != ' ')) short_text += c;
    }
    return short_text;
  }
};

TEST_F(TracerTest, TellsWhichRegistersChangeAndWhatTheyHold) {
  EXPECT_THAT(trace("r0 = 5; r6 = r10; r6 += -8; r7 = r1; r0 = 5; exit"),
              ElementsAre("0: (b7) r0 = 5 | r0=5", "1: (bf) r6 = r10 | r6=fp", "2: (07) r6 += -8 | r6=fp-8",
                          "3: (bf) r7 = r1 | r7=ctx", "4: (b7) r0 = 5", "5: (95) exit"));
}

TEST_F(TracerTest, NamesMemoryByWhatItIs) {
  EXPECT_THAT(
      trace(
          "r2 = *(u32 *)(r1 +76); r0 = *(u8 *)(r2 +12); *(u16 *)(r10 -2) = 513; *(u32 *)(r1 +8) = r0; exit"),
      ElementsAre("0: (61) r2 = *(u32 *)(r1 +76) | u32 skb->data -> packet+0 | r2=packet+0",
                  "1: (71) r0 = *(u8 *)(r2 +12) | u8 packet+12 -> 0",
                  "2: (6a) *(u16 *)(r10 -2) = 513 | u16 fp-2 <- 513",
                  "3: (63) *(u32 *)(r1 +8) = r0 | u32 skb->mark <- 0", "4: (95) exit"));
}

TEST_F(TracerTest, TellsOfCallsWhatGoesInAndWhatComesOut) {
  add_map({.name = "counts", .type = MapType::kArray, .key_size = 4, .value_size = 8, .max_entries = 2});
  EXPECT_THAT(
      trace("*(u32 *)(r10 -4) = 1; r2 = r10; r2 += -4; r1 = map[0]; call 1; r6 = r0; r6 += 4; r1 = 1; lock "
            "*(u32 *)(r6 +0) += r1;"
            "r0 = 0; exit"),
      ElementsAre("0: (62) *(u32 *)(r10 -4) = 1 | u32 fp-4 <- 1", "1: (bf) r2 = r10 | r2=fp",
                  "2: (07) r2 += -4 | r2=fp-4", "3: (18) r1 = map[counts] | r1=counts",
                  "5: (85) call bpf_map_lookup_elem#1 | bpf_map_lookup_elem(counts, fp-4{01000000}) = "
                  "counts[01000000]+0 | r0=counts[01000000]+0",
                  "6: (bf) r6 = r0 | r6=counts[01000000]+0", "7: (07) r6 += 4 | r6=counts[01000000]+4",
                  "8: (b7) r1 = 1 | r1=1", "9: (c3) lock *(u32 *)(r6 +0) += w1 | u32 counts[01000000]+4 <> 1",
                  "10: (b7) r0 = 0 | r0=0", "11: (95) exit"));
}

TEST_F(TracerTest, GoesIntoFunctionsAndComesBack) {
  functions_ = {3};
  EXPECT_THAT(trace("r1 = 3; call sub; exit; sub: r0 = r1; exit"),
              ElementsAre("0: (b7) r1 = 3 | r1=3", "1: (85) call pc+1 | sub()", "3: (bf) r0 = r1 | r0=3",
                          "4: (95) exit", "1: (85) call pc+1 | sub() = 3 | r0=3", "2: (95) exit"));
}

TEST_F(TracerTest, FollowsEachCallOfACallback) {
  functions_ = {9};
  EXPECT_THAT(trace("r1 = 2; r2 = function 1; r3 = 0; r4 = 0; call 181; r6 = 1; r0 = 0; exit;"
                    "sub: r0 = 0; exit"),
              ElementsAre("0: (b7) r1 = 2 | r1=2", "1: (18) r2 = subprog[sub] | r2=sub", "3: (b7) r3 = 0",
                          "4: (b7) r4 = 0", "5: (85) call bpf_loop#181 | bpf_loop(2, sub, 0, 0)",
                          "9: (b7) r0 = 0", "10: (95) exit", "9: (b7) r0 = 0", "10: (95) exit",
                          "5: (85) call bpf_loop#181 | bpf_loop(2, sub, 0, 0) = 2 | r0=2",
                          "6: (b7) r6 = 1 | r6=1", "7: (b7) r0 = 0 | r0=0", "8: (95) exit"));
}

TEST_F(TracerTest, EndsAtAFaultWithItsInstructionAndTheRegisters) {
  EXPECT_THAT(trace("r6 = 7; r2 = *(u32 *)(r1 +76); r0 = *(u8 *)(r2 +64); exit"),
              ElementsAre("0: (b7) r6 = 7 | r6=7",
                          "1: (61) r2 = *(u32 *)(r1 +76) | u32 skb->data -> packet+0 | r2=packet+0",
                          "2: (71) r0 = *(u8 *)(r2 +64) | u8 packet+64 -> ?"));
  EXPECT_EQ(run_.fault.text, "read of 1 byte at packet+64 (packet has 64 bytes), insn 2");
  ASSERT_THAT(registers_, SizeIs(10));
  EXPECT_EQ(registers_[2], NamedRegister(2, "packet+0"));
  EXPECT_EQ(registers_[6], NamedRegister(6, "7"));
}

TEST_F(TracerTest, NamesNullPointersAndWhatIsNowhere) {
  EXPECT_THAT(trace("r1 = 0; r0 = *(u32 *)(r1 +8); exit").back(),
              "1: (61) r0 = *(u32 *)(r1 +8) | u32 null+8 -> ?");
  EXPECT_THAT(trace("r1 = 0x1234567812345678 ll; *(u8 *)(r1 +0) = 1; exit").back(),
              "2: (72) *(u8 *)(r1 +0) = 1 | u8 0x1234567812345678 <- 1");
}

TEST_F(TracerTest, GathersTheInstructionsOfASourceLine) {
  const auto program = image("r2 = *(u32 *)(r1 +8); r2 += 1; *(u32 *)(r1 +8) = r2; r0 = 0; exit");
  program->lines = {{.insn = 0, .line = 7, .column = 1, .file = "/src/nat.c", .text = "\tskb->mark += 1;"},
                    {.insn = 3, .line = 8, .column = 1, .file = "/src/nat.c", .text = "\treturn 0;"}};
  EXPECT_THAT(trace(program, TraceGrain::kLine),
              ElementsAre("nat.c:7: skb->mark += 1; | u32 skb->mark -> 0, u32 skb->mark <- 1 | r2=1",
                          "nat.c:8: return 0;"));
}

TEST_F(TracerTest, IsOfNothingWhenNobodyWatches) {
  Tracer tracer(TraceGrain::kInsn, [](const TraceRecord&) { ADD_FAILURE(); });
  EXPECT_EQ(run("r0 = 1; exit"), 1U);
  EXPECT_THAT(tracer.registers(), IsEmpty());
}

TEST(NumberText, IsShort) {
  EXPECT_EQ(number_text(0), "0");
  EXPECT_EQ(number_text(4095), "4095");
  EXPECT_EQ(number_text(4096), "0x1000");
  EXPECT_EQ(number_text(static_cast<std::uint64_t>(-22)), "-22");
  EXPECT_EQ(number_text(0xffff'ffff'0000'0000), "0xffffffff00000000");
}

}  // namespace
}  // namespace netkit::bpf::test
