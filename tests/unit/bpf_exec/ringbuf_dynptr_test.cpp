// Ring buffer records as dynptrs.
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;

// Map 0 is the ring, the dynptr is at r10-16.
class RingbufDynptrs : public Interpreter {
 protected:
  RingbufDynptrs() {
    add_map({.name = "ring", .type = MapType::kRingbuf, .max_entries = 4096});
    kfuncs_ = {"bpf_dynptr_size", "bpf_dynptr_is_null", "bpf_dynptr_clone"};
  }
  static std::string reserve(const std::string& size, const std::string& flags = "0") {
    return "r1 = map[0]; r2 = " + size + "; r3 = " + flags + "; r4 = r10; r4 += -16; call 198; r6 = r0;";
  }
  static std::string submit(const std::string& helper = "199") {
    return "r1 = r10; r1 += -16; r2 = 0; call " + helper + ";";
  }
  // How many bytes wait in the ring.
  std::uint64_t waiting() { return run("r1 = map[0]; r2 = 0; call 134; exit"); }
};

TEST_F(RingbufDynptrs, are_written_and_submitted) {
  EXPECT_EQ(run(reserve("8") +
                "*(u64 *)(r10 -24) = 5; r1 = r10; r1 += -16; r2 = 0; r3 = r10; r3 += -24; r4 = 8;"
                "r5 = 0; call 202; r7 = r0;" +
                submit() + "r0 = r6; r0 |= r7; exit"),
            0U);
  EXPECT_EQ(waiting(), 16U);
  EXPECT_EQ(run(reserve("8") + submit("200") + "r0 = r6; exit"), 0U);
  EXPECT_EQ(waiting(), 32U);
}

TEST_F(RingbufDynptrs, are_null_when_there_is_no_room) {
  const std::string null = "r1 = r10; r1 += -16; call kernel#1; r7 = r0;" + submit() + "r0 = r6; exit";
  EXPECT_EQ(static_cast<std::int64_t>(run(reserve("8192") + null)), -EINVAL);
  EXPECT_EQ(static_cast<std::int64_t>(run(reserve("8", "1") + null)), -EINVAL);
  EXPECT_EQ(static_cast<std::int64_t>(run(reserve("16777216") + null)), -E2BIG);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(RingbufDynptrs, must_be_submitted) {
  EXPECT_THAT(fault(reserve("8") + "r0 = 0; exit"), HasSubstr("ring buffer reservation"));
  EXPECT_TRUE(run_.references.empty());
}

TEST_F(RingbufDynptrs, are_gone_when_submitted) {
  EXPECT_EQ(run(reserve("8") + submit() + "r1 = r10; r1 += -16; call kernel#1; exit"), 1U);
  EXPECT_THAT(fault(reserve("8") + "r1 = r10; r1 += -16; r2 = r10; r2 += -32; call kernel#2;" + submit() +
                    "r1 = r10; r1 += -32; r2 = 0; r3 = 8; call 203; exit"),
              HasSubstr("is no dynptr, or its memory has gone"));
}

}  // namespace
}  // namespace netkit::bpf::test
