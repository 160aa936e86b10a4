// Packet loads of classic BPF.
#include <numeric>

#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::StartsWith;

// The bytes of the packet are their offsets.
class LegacyLoads : public Interpreter {
 protected:
  LegacyLoads() {
    std::vector<std::uint8_t> bytes(64);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    set_packet(bytes);
    packet_->set_mac_header();
    packet_->set_network_header(14);
  }
  // R0, or 0 if the load ended the program; else the program gives R0 + 1.
  std::uint64_t load(const std::string& what) { return run("r6 = r1; r0 = " + what + "; r0 += 1; exit"); }
};

TEST_F(LegacyLoads, give_host_order) {
  EXPECT_EQ(load("*(u8 *)skb[12]"), 12U + 1);
  EXPECT_EQ(load("*(u16 *)skb[12]"), 0x0c0dU + 1);
  EXPECT_EQ(load("*(u32 *)skb[13]"), 0x0d0e'0f10U + 1);
}

TEST_F(LegacyLoads, add_a_register) {
  EXPECT_EQ(run("r6 = r1; r7 = 10; r0 = *(u16 *)skb[r7 + 2]; exit"), 0x0c0dU);
  EXPECT_EQ(run("r6 = r1; r7 = -2; r0 = *(u16 *)skb[r7 + 14]; exit"), 0x0c0dU);
}

TEST_F(LegacyLoads, end_the_program_with_zero_outside_of_the_packet) {
  EXPECT_EQ(load("*(u8 *)skb[63]"), 63U + 1);
  EXPECT_EQ(load("*(u8 *)skb[64]"), 0U);
  EXPECT_EQ(load("*(u16 *)skb[63]"), 0U);
  EXPECT_EQ(load("*(u32 *)skb[61]"), 0U);
  EXPECT_EQ(load("*(u32 *)skb[2147483647]"), 0U);
}

TEST_F(LegacyLoads, reach_beyond_the_linear_part) {
  packet_->set_linear_len(20);
  EXPECT_EQ(load("*(u32 *)skb[18]"), 0x1213'1415U + 1);
}

TEST_F(LegacyLoads, have_bases_at_the_network_and_the_mac_header) {
  EXPECT_EQ(load("*(u16 *)skb[-1048576]"), 0x0e0fU + 1);  // SKF_NET_OFF
  EXPECT_EQ(load("*(u8 *)skb[-1048570]"), 20U + 1);
  EXPECT_EQ(load("*(u16 *)skb[-2097150]"), 0x0203U + 1);  // SKF_LL_OFF + 2
  EXPECT_EQ(load("*(u8 *)skb[-1]"), 0U);
  EXPECT_EQ(load("*(u8 *)skb[-2097153]"), 0U);
  packet_->set_linear_len(15);
  EXPECT_EQ(load("*(u16 *)skb[-1048576]"), 0U);
  packet_->meta.mac_header = kUnset;
  EXPECT_EQ(load("*(u8 *)skb[-2097152]"), 0U);
}

TEST_F(LegacyLoads, need_the_context_in_r6) {
  EXPECT_THAT(fault("r6 = 0; r0 = *(u8 *)skb[0]; exit"),
              StartsWith("at the time of BPF_LD_ABS|IND R6 != pointer to skb"));
}

TEST_F(LegacyLoads, clobber_r1_to_r5) {
  EXPECT_THAT(fault("r6 = r1; r0 = *(u8 *)skb[0]; r0 = *(u8 *)(r2 +0); exit"),
              StartsWith("read of 1 byte at an address in a register that a call has clobbered"));
}

TEST_F(LegacyLoads, outside_ends_the_function_only) {
  EXPECT_EQ(run("r6 = r1; call sub; r0 += 5; exit; sub: r0 = *(u8 *)skb[100]; r0 = 7; exit"), 5U);
}

}  // namespace
}  // namespace netkit::bpf::test
