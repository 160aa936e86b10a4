// Dynptrs as programs use them, and as they must not.
#include <numeric>

#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The bytes of the packet are their offsets; the dynptr is at r10-16. R6 is the context throughout.
class Dynptrs : public Interpreter {
 protected:
  Dynptrs() {
    kfuncs_ = {"bpf_dynptr_from_skb", "bpf_dynptr_slice",   "bpf_dynptr_adjust",
               "bpf_dynptr_size",     "bpf_dynptr_is_null", "bpf_dynptr_clone",
               "bpf_dynptr_memset",   "bpf_dynptr_copy",    "bpf_dynptr_from_skb_meta"};
    std::vector<std::uint8_t> bytes(64);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    set_packet(bytes);
  }

  std::string of_packet(const std::string& flags = "0") {
    return "r6 = r1; r2 = " + flags + "; r3 = r10; r3 += -16; call kernel#0;";
  }
  // On the first 32 bytes of the value of map 0.
  std::string of_value(const std::string& flags = "0", const std::string& size = "32") {
    if (maps_.empty())
      add_map({.name = "v", .type = MapType::kArray, .key_size = 4, .value_size = 40, .max_entries = 1});
    return "r6 = r1; r1 = map[0]+0; r2 = " + size + "; r3 = " + flags + "; r4 = r10; r4 += -16; call 197;";
  }
  // Calls with the dynptr first.
  static std::string with(const std::string& others) { return "r1 = r10; r1 += -16; " + others; }
};

TEST_F(Dynptrs, know_the_length_of_the_packet) {
  EXPECT_EQ(run(of_packet() + with("call kernel#3; exit")), 64U);
  EXPECT_EQ(run(of_packet() + with("call kernel#4; exit")), 0U);
}

TEST_F(Dynptrs, are_null_after_a_failure) {
  EXPECT_EQ(static_cast<std::int32_t>(run(of_packet("1") + "exit")), -EINVAL);
  EXPECT_EQ(run(of_packet("1") + with("call kernel#4; exit")), 1U);
  EXPECT_EQ(static_cast<std::int64_t>(run(of_packet("1") + with("call kernel#3; exit"))), -EINVAL);
  EXPECT_EQ(static_cast<std::int32_t>(run(of_value("5") + "exit")), -EINVAL);
}

TEST_F(Dynptrs, slices_are_the_packet_where_it_is_linear) {
  const std::string slice = of_packet() + with(
                                              "r2 = 30; r3 = 0; r4 = 4; call kernel#1; if r0 == 0 goto out; "
                                              "r0 = *(u8 *)(r0 +3); out: exit");
  EXPECT_EQ(run(slice), 33U);
  packet_->set_linear_len(33);
  EXPECT_EQ(run(slice), 0U);
  EXPECT_EQ(
      run(of_packet() + with("r2 = 30; r3 = r10; r3 += -32; r4 = 4; call kernel#1; r0 = *(u8 *)(r0 +3); "
                             "r1 = *(u8 *)(r10 -29); r0 += r1; exit")),
      66U);
}

TEST_F(Dynptrs, slices_end_with_the_dynptr) {
  EXPECT_EQ(run(of_packet() + with("r2 = 61; r3 = 0; r4 = 4; call kernel#1; exit")), 0U);
  EXPECT_EQ(run(of_packet() + with("r2 = -1; r3 = 0; r4 = 4; call kernel#1; exit")), 0U);
}

TEST_F(Dynptrs, are_narrowed) {
  EXPECT_EQ(run(of_packet() + with("r2 = 10; r3 = 20; call kernel#2;") + with("call kernel#3; exit")), 10U);
  EXPECT_EQ(run(of_packet() + with("r2 = 10; r3 = 20; call kernel#2;") +
                with("r2 = 1; r3 = 0; r4 = 1; call kernel#1; r0 = *(u8 *)(r0 +0); exit")),
            11U);
  EXPECT_EQ(static_cast<std::int32_t>(run(of_packet() + with("r2 = 10; r3 = 65; call kernel#2; exit"))),
            -ERANGE);
  EXPECT_EQ(static_cast<std::int32_t>(run(of_packet() + with("r2 = 10; r3 = 9; call kernel#2; exit"))),
            -EINVAL);
}

TEST_F(Dynptrs, read_and_write_across_the_linear_end) {
  packet_->set_linear_len(20);
  EXPECT_EQ(run(of_packet() + "r1 = r10; r1 += -24; r2 = 8; r3 = r10; r3 += -16; r4 = 16; r5 = 0; call 201; "
                              "r0 = *(u8 *)(r10 -17); exit"),
            23U);
  EXPECT_EQ(run(of_packet() + "*(u64 *)(r10 -24) = 7;" +
                with("r2 = 16; r3 = r10; r3 += -24; r4 = 8; r5 = 0; call 202; exit")),
            0U);
  EXPECT_EQ(packet_->data()[16], 7);
  EXPECT_GE(packet_->linear_len(), 24U);
}

TEST_F(Dynptrs, stand_on_map_values) {
  EXPECT_EQ(run(of_value() + with("r2 = 8; r3 = 8; call 203; *(u64 *)(r0 +0) = 77; r1 = map[0]+8; r0 = *(u64 "
                                  "*)(r1 +0); exit")),
            77U);
  EXPECT_EQ(run(of_value() + with("r2 = 25; r3 = 8; call 203; exit")), 0U);
  EXPECT_EQ(static_cast<std::int32_t>(run(of_value() + with("r2 = 0; r3 = 33; r4 = 0; call kernel#6; exit"))),
            -E2BIG);
  EXPECT_THAT(fault("r1 = r10; r1 += -32; r2 = 16; r3 = 0; r4 = r10; r4 += -16; call 197; exit"),
              StartsWith("argument 1 of bpf_dynptr_from_mem is not memory of a map value"));
}

TEST_F(Dynptrs, are_cloned_and_copied) {
  EXPECT_EQ(run(of_packet() + "r1 = r10; r1 += -16; r2 = r10; r2 += -32; call kernel#5;" +
                with("r2 = 0; r3 = 4; call kernel#2;") + "r1 = r10; r1 += -32; call kernel#3; exit"),
            64U);
  EXPECT_EQ(run(of_value() + "r1 = r6; r2 = 0; r3 = r10; r3 += -32; call kernel#0;" +
                with("r2 = 0; r3 = r10; r3 += -32; r4 = 40; r5 = 8; call kernel#7; r1 = map[0]+0; r0 = *(u8 "
                     "*)(r1 +7); exit")),
            47U);
}

TEST_F(Dynptrs, know_the_metadata_area) {
  packet_->meta.meta_len = 8;
  packet_->data()[-8] = 99;
  EXPECT_EQ(run("r6 = r1; r2 = 0; r3 = r10; r3 += -16; call kernel#8;" + with("call kernel#3; exit")), 8U);
  EXPECT_EQ(run("r6 = r1; r2 = 0; r3 = r10; r3 += -16; call kernel#8;" +
                with("r2 = 0; r3 = 0; r4 = 8; call kernel#1; r0 = *(u8 *)(r0 +0); exit")),
            99U);
}

// ---- dynptrs that no function made ----

TEST_F(Dynptrs, made_up_reach_nothing) {
  const std::uint64_t secret = 42;
  const auto address = reinterpret_cast<std::uint64_t>(&secret);
  // Kind 1 (local) and 2 (reservation), 8 bytes.
  for (const std::uint64_t second : {0x0100'0008ULL, 0x0200'0008ULL, 0x0300'0008ULL, 0x0700'0008ULL}) {
    char code[200];
    std::snprintf(code, sizeof code,
                  "r1 = %llu ll; *(u64 *)(r10 -16) = r1; r1 = %llu ll; *(u64 *)(r10 -8) = r1;",
                  static_cast<unsigned long long>(address), static_cast<unsigned long long>(second));
    EXPECT_THAT(fault(std::string(code) + with("r2 = 0; r3 = 8; call 203; exit")),
                HasSubstr("is no dynptr, or its memory has gone"));
  }
}

TEST_F(Dynptrs, cannot_be_widened_by_hand) {
  EXPECT_THAT(fault(of_value() + "*(u32 *)(r10 -8) = 16777257;" + with("r2 = 0; r3 = 8; call 203; exit")),
              HasSubstr("is no dynptr, or its memory has gone"));
  // Over the packet it is the packet's own length that counts.
  EXPECT_EQ(static_cast<std::int64_t>(
                run(of_packet() + "r1 = 50331748; *(u32 *)(r10 -8) = r1;" +
                    "r1 = r10; r1 += -24; r2 = 8; r3 = r10; r3 += -16; r4 = 60; r5 = 0; call 201; exit")),
            -EFAULT);
}

TEST_F(Dynptrs, lie_on_the_stack) {
  add_map({.name = "v", .type = MapType::kArray, .key_size = 4, .value_size = 40, .max_entries = 1});
  EXPECT_THAT(fault("r6 = r1; r2 = 0; r3 = map[0]+0; call kernel#0; exit"),
              StartsWith("argument 3 of bpf_dynptr_from_skb is not 16 aligned bytes of stack"));
}

}  // namespace
}  // namespace netkit::bpf::test
