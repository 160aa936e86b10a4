#include <array>
#include <cerrno>

#include "fixture.h"

namespace netkit::bpf {
namespace {

using Redirect = HelperTest;

struct RecordCase {
  std::string_view helper;
  std::uint64_t flags;
  std::int64_t result;
  RedirectKind kind;
};
class Record : public HelperTest, public ::testing::WithParamInterface<RecordCase> {};
TEST_P(Record, HappensForKnownFlagsOnly) {
  const auto& c = GetParam();
  EXPECT_EQ(call(c.helper, 42, c.flags), c.result);
  EXPECT_EQ(redirect.kind, c.kind);
  EXPECT_EQ(redirect.ifindex, c.result == kRedirect ? 42U : 0U);
  EXPECT_EQ(redirect.flags, c.result == kRedirect ? c.flags : 0U);
}
INSTANTIATE_TEST_SUITE_P(
    Flags, Record,
    ::testing::Values(RecordCase{"redirect", 0, kRedirect, RedirectKind::kPlain},
                      RecordCase{"redirect", kRedirectIngress, kRedirect, RedirectKind::kPlain},
                      RecordCase{"redirect", 2, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect", 3, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect", 8, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect", 1 << 16, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect", std::uint64_t{1} << 32, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect_peer", 0, kRedirect, RedirectKind::kPeer},
                      RecordCase{"redirect_peer", kRedirectPeerEgress, kRedirect, RedirectKind::kPeer},
                      RecordCase{"redirect_peer", 1, kDrop, RedirectKind::kNone},
                      RecordCase{"redirect_peer", 1 << 17, kDrop, RedirectKind::kNone}));

constexpr std::array<std::uint8_t, 24> kNextHop{2, 0, 0, 0, 10, 0, 0, 7, 1, 2, 3, 4};

struct NeighCase {
  std::int64_t size;
  std::uint64_t flags;
  std::int64_t result;
};
class RedirectNeigh : public HelperTest, public ::testing::WithParamInterface<NeighCase> {};
TEST_P(RedirectNeigh, TakesNoNextHopOrAWholeOne) {
  const auto [size, flags, result] = GetParam();
  EXPECT_EQ(call("redirect_neigh", 9, size == 0 ? nullptr : kNextHop.data(), size, flags), result);
  EXPECT_EQ(redirect.kind, result == kRedirect ? RedirectKind::kNeigh : RedirectKind::kNone);
  EXPECT_EQ(redirect.has_next_hop, result == kRedirect && size != 0);
}
INSTANTIATE_TEST_SUITE_P(Sizes, RedirectNeigh,
                         ::testing::Values(NeighCase{0, 0, kRedirect}, NeighCase{20, 0, kRedirect},
                                           NeighCase{24, 0, kRedirect}, NeighCase{19, 0, kDrop},
                                           NeighCase{1, 0, kDrop}, NeighCase{0, 1, kDrop},
                                           NeighCase{20, 2, kDrop}));

TEST_F(Redirect, NeighCopiesTheNextHop) {
  EXPECT_EQ(call("redirect_neigh", 9, kNextHop.data(), 20, 0), kRedirect);
  EXPECT_EQ(redirect.next_hop.family, 2U);
  EXPECT_EQ(redirect.next_hop.address, (std::array<std::uint8_t, 16>{10, 0, 0, 7, 1, 2, 3, 4}));
}

TEST_F(Redirect, TheLastRecordWinsAndAFailedCallKeepsIt) {
  EXPECT_EQ(call("redirect_peer", 3, 2), kRedirect);
  EXPECT_EQ(call("redirect", 4, 1), kRedirect);
  EXPECT_EQ(call("redirect", 5, 2), kDrop);
  EXPECT_EQ(redirect.kind, RedirectKind::kPlain);
  EXPECT_EQ(redirect.ifindex, 4U);
  EXPECT_EQ(redirect.flags, 1U);
}

TEST_F(Redirect, TheIndexHasThirtyTwoBits) {
  EXPECT_EQ(call("redirect", 0x1'0000'0005, 0), kRedirect);
  EXPECT_EQ(redirect.ifindex, 5U);
}

struct Clone {
  std::uint32_t ifindex = 0;
  std::uint64_t flags = 0;
  std::int64_t result = 0;
};
std::int64_t clone(void* self, RunContext&, std::uint32_t ifindex, std::uint64_t flags) {
  auto& seen = *static_cast<Clone*>(self);
  seen.ifindex = ifindex;
  seen.flags = flags;
  return seen.result;
}

TEST_F(Redirect, CloneGoesOutAtOnceAndItsResultComesBack) {
  use_udp();
  Clone seen{.result = 1};
  outside.self = &seen;
  outside.clone_redirect = clone;
  EXPECT_EQ(call_skb("clone_redirect", 6, 1), 1);
  EXPECT_EQ(seen.ifindex, 6U);
  EXPECT_EQ(seen.flags, 1U);
  EXPECT_EQ(redirect.kind, RedirectKind::kNone);
}

TEST_F(Redirect, CloneChecksFlagsThenSegmentation) {
  use_udp();
  Clone seen;
  outside.self = &seen;
  outside.clone_redirect = clone;
  packet().meta.gso.size = 100;
  EXPECT_EQ(call_skb("clone_redirect", 6, 2), -EINVAL);
  EXPECT_EQ(call_skb("clone_redirect", 6, 0), -EBADMSG);
  EXPECT_EQ(seen.ifindex, 0U);
}

TEST_F(Redirect, CloneHasNowhereToGoWithoutDevices) {
  use_udp();
  EXPECT_EQ(call_skb("clone_redirect", 6, 0), -EINVAL);
}

}  // namespace
}  // namespace netkit::bpf
