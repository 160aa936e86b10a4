#include <array>
#include <cerrno>

#include "fixture.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

using ChecksumHelper = HelperTest;

constexpr std::uint64_t kPseudo = 0x10, kMangled0 = 0x20, kEnforce = 0x40, kIpv6 = 0x80;

class Replacing : public HelperTest {
 protected:
  // A UDP packet whose 16-bit field at `at` holds `value` (as in memory).
  void use_field(std::uint16_t value) {
    use_udp();
    store_unaligned(packet().data() + kField, value);
  }
  [[nodiscard]] std::uint16_t field() { return load_unaligned<std::uint16_t>(packet().data() + kField); }
  static constexpr std::uint32_t kField = 40;  // the UDP checksum
};

// ---- errors: the same for both, but for the flags ----

struct ErrorCase {
  std::string_view helper;
  std::uint64_t offset, from, to, flags;
  std::int64_t result;
};
class ReplaceErrors : public Replacing, public ::testing::WithParamInterface<ErrorCase> {};
TEST_P(ReplaceErrors, ComeInTheKernelsOrderAndChangeNothing) {
  use_udp();
  const auto before = bytes();
  const auto& [helper, offset, from, to, flags, result] = GetParam();
  EXPECT_EQ(call_skb(helper, offset, from, to, flags), result);
  EXPECT_EQ(bytes(), before);
}
INSTANTIATE_TEST_SUITE_P(
    Rows, ReplaceErrors,
    ::testing::Values(ErrorCase{"l3_csum_replace", 24, 0, 0, kPseudo, -EINVAL},
                      ErrorCase{"l3_csum_replace", 25, 0, 0, kPseudo, -EINVAL},
                      ErrorCase{"l3_csum_replace", 24, 0, 0, std::uint64_t{1} << 32, -EINVAL},
                      ErrorCase{"l3_csum_replace", 25, 0, 0, 3, -EFAULT},
                      ErrorCase{"l3_csum_replace", 62, 0, 0, 2, -EFAULT},
                      ErrorCase{"l3_csum_replace", 61, 0, 0, 2, -EFAULT},
                      ErrorCase{"l3_csum_replace", 0x10000, 0, 0, 2, -EFAULT},
                      ErrorCase{"l3_csum_replace", 24, 1, 0, 0, -EINVAL},
                      ErrorCase{"l3_csum_replace", 24, 0, 0, 1, -EINVAL},
                      ErrorCase{"l3_csum_replace", 24, 0, 0, 3, -EINVAL},
                      ErrorCase{"l3_csum_replace", 24, 0, 0, 8, -EINVAL},
                      ErrorCase{"l4_csum_replace", 40, 0, 0, 0x100, -EINVAL},
                      ErrorCase{"l4_csum_replace", 41, 0, 0, 0x100, -EINVAL},
                      ErrorCase{"l4_csum_replace", 41, 0, 0, 3, -EFAULT},
                      ErrorCase{"l4_csum_replace", 62, 0, 0, 2, -EFAULT},
                      ErrorCase{"l4_csum_replace", 0x10000, 0, 0, 2, -EFAULT},
                      ErrorCase{"l4_csum_replace", 40, 1, 0, kPseudo, -EINVAL},
                      ErrorCase{"l4_csum_replace", 40, 0, 0, 3, -EINVAL},
                      ErrorCase{"l4_csum_replace", 40, 0, 0, 6 | kPseudo | kMangled0, -EINVAL}));

TEST_F(Replacing, MakesTheFieldLinear) {
  use_udp().set_linear_len(14);
  EXPECT_EQ(call_skb("l3_csum_replace", 24, 0, 0, 2), 0);
  EXPECT_EQ(packet().linear_len(), 26U);
  EXPECT_TRUE(region_is_current());
}

// ---- values ----

TEST_F(Replacing, AnIpv4HeaderStaysRightUnderEveryForm) {
  for (const std::uint64_t flags : {0U, 2U, 4U}) {
    use_udp();
    std::uint8_t* address = packet().data() + 26;
    const auto from = load_unaligned<std::uint32_t>(address);
    const std::uint32_t to = flags == 2 ? (from & 0xffff'0000U) | 0x3412U : 0x7856'3412U;
    store_unaligned(address, to);
    const std::array bytes_of = {from, to};
    const auto diff = call("csum_diff", &bytes_of[0], 4, &bytes_of[1], 4, 0);
    const std::int64_t result = flags == 0 ? call_skb("l3_csum_replace", 24, 0, diff, 0)
                                           : call_skb("l3_csum_replace", 24, from, to, flags);
    EXPECT_EQ(result, 0);
    EXPECT_TRUE(ipv4_header_correct(packet().range(14, 20))) << "flags " << flags;
  }
}

struct ZeroCase {
  std::uint64_t flags;
  std::uint16_t before;
  std::uint32_t from, to;
  std::uint16_t after;
};
class TwoZeros : public Replacing, public ::testing::WithParamInterface<ZeroCase> {};
TEST_P(TwoZeros, ComeOutAsInTheKernel) {
  const auto [flags, before, from, to, after] = GetParam();
  use_field(before);
  EXPECT_EQ(call_skb("l3_csum_replace", kField, from, to, flags), 0);
  EXPECT_EQ(field(), after);
}
// Recorded from the kernel: 16-bit and 32-bit arithmetic leave different zeros.
INSTANTIATE_TEST_SUITE_P(Recorded, TwoZeros,
                         ::testing::Values(ZeroCase{2, 0xffff, 0xffff, 0, 0xffff},
                                           ZeroCase{4, 0xffff, 0xffff, 0, 0}, ZeroCase{2, 0, 0, 0, 0},
                                           ZeroCase{4, 0, 0, 0, 0}, ZeroCase{2, 0xffff, 0, 0, 0},
                                           ZeroCase{4, 0xffff, 0, 0, 0}));

struct L4Case {
  std::string_view what;
  ChecksumState state;
  std::uint16_t before;
  std::uint64_t flags;
  std::uint16_t after;
};
class L4Replace : public Replacing, public ::testing::WithParamInterface<L4Case> {};
TEST_P(L4Replace, HonoursFlagsAndState) {
  use_field(GetParam().before);
  packet().meta.csum = {.state = GetParam().state, .start = packet().at(34), .offset = 6};
  EXPECT_EQ(call_skb("l4_csum_replace", kField, 0, 0x1111, GetParam().flags), 0);
  EXPECT_EQ(field(), GetParam().after) << GetParam().what;
}
INSTANTIATE_TEST_SUITE_P(
    Rows, L4Replace,
    ::testing::Values(L4Case{"plain", ChecksumState::kNone, 0x3333, 2, 0x2222},
                      L4Case{"difference", ChecksumState::kNone, 0x3333, 0, 0x2222},
                      L4Case{"no checksum stays none", ChecksumState::kNone, 0, 2 | kMangled0, 0},
                      L4Case{"no checksum, enforced", ChecksumState::kNone, 0, 2 | kMangled0 | kEnforce,
                             0xeeee},
                      L4Case{"zero is sent as ffff", ChecksumState::kNone, 0x1111, 2 | kMangled0, 0xffff},
                      L4Case{"zero stays without the flag", ChecksumState::kNone, 0x1111, 2, 0},
                      L4Case{"enforce alone does nothing", ChecksumState::kNone, 0, 2 | kEnforce, 0xeeee},
                      L4Case{"pending: not covered yet", ChecksumState::kPartial, 0x3333, 2, 0x3333},
                      L4Case{"pending: pseudo header", ChecksumState::kPartial, 0x3333, 2 | kPseudo, 0x4444},
                      L4Case{"pending: by difference", ChecksumState::kPartial, 0x3333, kPseudo, 0x4444}));

struct CompleteCase {
  std::uint64_t flags;
  bool follows;
};
class L4Complete : public Replacing, public ::testing::WithParamInterface<CompleteCase> {};
// The field in the packet takes up the change, so the sum of all bytes changes by as much.
TEST_P(L4Complete, SumFollowsAChangeOfThePseudoHeader) {
  use_udp();
  packet().meta.csum = {.state = ChecksumState::kComplete, .sum = 0x1000};
  EXPECT_EQ(call_skb("l4_csum_replace", kField, 0, 0x0011, GetParam().flags), 0);
  EXPECT_EQ(fold(packet().meta.csum.sum), GetParam().follows ? 0x1000 - 0x11 : 0x1000);
}
INSTANTIATE_TEST_SUITE_P(Flags, L4Complete,
                         ::testing::Values(CompleteCase{2, false}, CompleteCase{2 | kPseudo, true},
                                           CompleteCase{4 | kPseudo, true}, CompleteCase{0, false},
                                           CompleteCase{kPseudo, true}, CompleteCase{kPseudo | kIpv6, false},
                                           CompleteCase{4 | kPseudo | kIpv6, true}));

// ---- csum_diff ----

TEST_F(ChecksumHelper, DiffTakesAnyLengthAndFolds) {
  const std::array<std::uint8_t, 5> from{1, 2, 3, 4, 5};
  const std::array<std::uint8_t, 3> to{0x10, 0x20, 0x30};
  // Words as in memory: from 0x0201 + 0x0403 + 0x0005, to 0x2010 + 0x0030.
  const std::uint8_t* none = nullptr;
  EXPECT_EQ(call("csum_diff", none, 0, to.data(), 3, 0), 0x2040);
  EXPECT_EQ(call("csum_diff", from.data(), 5, none, 0, 0), 0xffff - 0x0609);
  EXPECT_EQ(call("csum_diff", from.data(), 5, to.data(), 3, 0), 0x2040 - 0x0609);
  EXPECT_EQ(call("csum_diff", from.data(), 5, to.data(), 3, 0x0609), 0x2040);
  EXPECT_EQ(call("csum_diff", none, 0, none, 0, 0x1'0001), 2);
  EXPECT_EQ(call("csum_diff", none, 0, none, 0, 0), 0);
}

TEST_F(ChecksumHelper, DiffOfWhatIsAllOnesIsTheKernelsZero) {
  const std::uint32_t ones = 0xffff'ffff;
  const std::uint32_t zeros = 0;
  EXPECT_EQ(call("csum_diff", &ones, 4, &zeros, 4, 0), 0);
  EXPECT_EQ(call("csum_diff", &zeros, 4, &zeros, 4, 0), 0xffff);
}

TEST_F(ChecksumHelper, DiffSumsLongBuffers) {
  const std::vector<std::uint8_t> to(600, 0xff);
  const std::uint8_t* none = nullptr;
  EXPECT_EQ(call("csum_diff", none, 0, to.data(), 600, 1), 1);
}

// ---- csum_update, csum_level ----

TEST_F(ChecksumHelper, UpdateAddsToACompleteSumOnly) {
  use_udp();
  EXPECT_EQ(call_skb("csum_update", 5), -kENOTSUPP);
  packet().meta.csum = {.state = ChecksumState::kComplete, .sum = 0xffff'ffff};
  EXPECT_EQ(call_skb("csum_update", 5), 5);
  EXPECT_EQ(packet().meta.csum.sum, 5U);
}

struct LevelCase {
  ChecksumState before;
  std::uint8_t level;
  std::uint64_t operation;
  std::int64_t result;
  ChecksumState after;
  std::uint8_t level_after;
};
class CsumLevel : public HelperTest, public ::testing::WithParamInterface<LevelCase> {};
TEST_P(CsumLevel, CountsVerifiedChecksums) {
  const auto& c = GetParam();
  use_udp().meta.csum = {.state = c.before, .level = c.level};
  EXPECT_EQ(call_skb("csum_level", c.operation), c.result);
  EXPECT_EQ(packet().meta.csum.state, c.after);
  EXPECT_EQ(packet().meta.csum.level, c.level_after);
}
constexpr auto kNone = ChecksumState::kNone, kVerified = ChecksumState::kUnnecessary,
               kComplete = ChecksumState::kComplete;
INSTANTIATE_TEST_SUITE_P(
    Operations, CsumLevel,
    ::testing::Values(LevelCase{kNone, 0, 0, -EACCES, kNone, 0}, LevelCase{kVerified, 2, 0, 2, kVerified, 2},
                      LevelCase{kComplete, 0, 0, -EACCES, kComplete, 0},
                      LevelCase{kNone, 0, 1, 0, kVerified, 0}, LevelCase{kVerified, 0, 1, 0, kVerified, 1},
                      LevelCase{kVerified, 3, 1, 0, kVerified, 3},
                      LevelCase{kComplete, 0, 1, 0, kComplete, 0},
                      LevelCase{kVerified, 1, 2, 0, kVerified, 0}, LevelCase{kVerified, 0, 2, 0, kNone, 0},
                      LevelCase{kNone, 0, 2, 0, kNone, 0}, LevelCase{kVerified, 3, 3, 0, kNone, 0},
                      LevelCase{kComplete, 0, 3, 0, kComplete, 0},
                      LevelCase{kVerified, 1, 4, -EINVAL, kVerified, 1}));

}  // namespace
}  // namespace netkit::bpf
