// The kernel's selftest family tc_links (attaching through links), sub-test by sub-test under its names: spec
// mprog-attach.md 11.2. Those that need classic filters stand with the tests of clsact.
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

using TcLinks = BothHooks;
INSTANTIATE_TEST_SUITE_P(, TcLinks, ::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress),
                         hook_name);

class TcLinksOnce : public AttachTest {};

TEST_F(TcLinksOnce, basic) {
  const Point ingress{.type = AttachType::kTcxIngress};
  const Point egress{.type = AttachType::kTcxEgress};
  at(ingress);
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_NE(link_id(1), 0U);
  EXPECT_EQ(list(ingress), "rev 2: tc1/l1");
  EXPECT_EQ(list(egress), "rev 1:");
  EXPECT_EQ(seen_by_ping(), "tc1");
  at(egress);
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_NE(link_id(2), link_id(1));
  EXPECT_EQ(list(ingress), "rev 2: tc1/l1");
  EXPECT_EQ(list(egress), "rev 2: tc2/l2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  destroy(2);
  destroy(1);
  EXPECT_EQ(list(ingress), "rev 1:");
  EXPECT_EQ(list(egress), "rev 1:");
}

TEST_P(TcLinks, before) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  ASSERT_EQ(link(3, {.prog = tc(3), .flags = kBefore, .relative = tc(2)}), "OK");
  ASSERT_EQ(link(4, {.prog = tc(4), .flags = kBefore | kLink | kId, .relative = link_id(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc4/l4 tc1/l1 tc3/l3 tc2/l2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
}

TEST_P(TcLinks, after) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  ASSERT_EQ(link(3, {.prog = tc(3), .flags = kAfter, .relative = tc(1)}), "OK");
  ASSERT_EQ(link(4, {.prog = tc(4), .flags = kAfter | kLink, .relative = link_fd(2)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc3/l3 tc2/l2 tc4/l4");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
}

TEST_P(TcLinks, revision) {
  ASSERT_EQ(link(1, {.prog = tc(1), .revision = 1}), "OK");
  EXPECT_EQ(link(2, {.prog = tc(2), .revision = 1}), "ESTALE");
  EXPECT_EQ(list(), "rev 2: tc1/l1");
  ASSERT_EQ(link(2, {.prog = tc(2), .revision = 2}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
}

TEST_P(TcLinks, replace) {
  ASSERT_EQ(link(1, {.prog = tc(1), .revision = 1}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2), .flags = kBefore | kId, .relative = tc_id(1), .revision = 2}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2/l2 tc1/l1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  EXPECT_EQ(link(3, {.prog = tc(3), .flags = kReplace, .relative = tc(2), .revision = 3}), "ENOENT");
  EXPECT_EQ(link(3, {.prog = tc(3), .flags = kReplace | kLink, .relative = link_fd(2), .revision = 3}),
            "ENOENT");
  EXPECT_EQ(
      link(3,
           {.prog = tc(3), .flags = kReplace | kLink | kAfter | kId, .relative = link_id(2), .revision = 3}),
      "ENOENT");
  EXPECT_EQ(list(), "rev 3: tc2/l2 tc1/l1");

  ASSERT_EQ(update(2, tc(3)), "OK");
  EXPECT_EQ(list(), "rev 4: tc3/l2 tc1/l1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc3");
  ASSERT_EQ(detach_link(2), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1");
  EXPECT_EQ(seen_by_ping(), "tc1");
  ASSERT_EQ(update(1, tc(1)), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1");
}

TEST_P(TcLinks, invalid) {
  const auto refused = [this](const Ask& ask) {
    const std::string before = list();
    std::string errno_of = link(99, ask);
    EXPECT_EQ(list(), before);
    return errno_of;
  };
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kAfter}), "ERANGE");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter | kId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kLink, .relative = tc(2)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kLink}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .relative = tc(2)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kAfter, .relative = tc(2)}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore, .relative = tc(1)}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kId, .relative = tc_id(2)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kId, .relative = kBadId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kLink, .relative = tc(1)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "ENOENT");
  at({.ifindex = 0, .type = GetParam()});
  EXPECT_EQ(refused({.prog = tc(1)}), "ENODEV");
  at({.type = GetParam()});
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter | kLink, .relative = tc(1)}), "EINVAL");

  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(refused({.prog = tc(2), .flags = kAfter | kLink, .relative = tc(1)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(2), .flags = kBefore | kLink | kId, .relative = 0xffff'ffff}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kLink | kId, .relative = link_id(1)}), "EEXIST");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kId, .relative = tc_id(1)}), "EEXIST");
  ASSERT_EQ(link(2, {.prog = tc(2), .flags = kBefore | kLink | kId, .relative = link_id(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2/l2 tc1/l1");
}

TEST_P(TcLinks, prepend) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2), .flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2/l2 tc1/l1");
  ASSERT_EQ(link(3, {.prog = tc(3), .flags = kBefore}), "OK");
  ASSERT_EQ(link(4, {.prog = tc(4), .flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 5: tc4/l4 tc3/l3 tc2/l2 tc1/l1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
}

TEST_P(TcLinks, append) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2), .flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
  ASSERT_EQ(link(3, {.prog = tc(3), .flags = kAfter}), "OK");
  ASSERT_EQ(link(4, {.prog = tc(4), .flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc2/l2 tc3/l3 tc4/l4");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
}

TEST_P(TcLinks, dev_cleanup) {
  at({.ifindex = veth(), .type = GetParam()});
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(link(number, {.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc2/l2 tc3/l3 tc4/l4");
  EXPECT_EQ(info(1).ifindex, veth());
  ASSERT_EQ(remove("v0"), "OK");
  EXPECT_EQ(number_of("v0"), 0U);
  for (const int number : {1, 2, 3, 4}) {
    EXPECT_EQ(info(number).ifindex, 0U);
    EXPECT_EQ(info(number).prog_id, tc_id(number));
    destroy(number);
  }
}

}  // namespace
}  // namespace netkit::control
