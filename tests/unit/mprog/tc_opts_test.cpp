// The kernel's selftest family tc_opts (attaching without links), sub-test by sub-test under its names: spec
// mprog-attach.md 11.1. Those that need classic filters stand with the tests of clsact.
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

using TcOpts = BothHooks;
INSTANTIATE_TEST_SUITE_P(, TcOpts, ::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress),
                         hook_name);

class TcOptsOnce : public AttachTest {};

TEST_F(TcOptsOnce, basic) {
  const Point ingress{.type = AttachType::kTcxIngress};
  const Point egress{.type = AttachType::kTcxEgress};
  at(ingress);
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(ingress), "rev 2: tc1");
  EXPECT_EQ(list(egress), "rev 1:");
  EXPECT_EQ(seen_by_ping(), "tc1");

  at(egress);
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(egress), "rev 2: tc2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");

  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(egress), "rev 1:");
  at(ingress);
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(ingress), "rev 1:");
  EXPECT_EQ(seen_by_ping(), "");
}

TEST_P(TcOpts, before) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1 tc3 tc2");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kBefore | kId, .relative = tc_id(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc4 tc1 tc3 tc2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");

  ASSERT_EQ(detach({.prog = tc(4)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc3 tc2");
  ASSERT_EQ(detach({.prog = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 7: tc1 tc2");
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 8: tc1");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, after) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1 tc3 tc2");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kAfter | kId, .relative = tc_id(2)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc3 tc2 tc4");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");

  ASSERT_EQ(detach({.prog = tc(4)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc3 tc2");
  ASSERT_EQ(detach({.prog = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 7: tc1 tc2");
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 8: tc1");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, revision) {
  ASSERT_EQ(attach({.prog = tc(1), .revision = 1}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .revision = 1}), "ESTALE");
  EXPECT_EQ(list(), "rev 2: tc1");
  ASSERT_EQ(attach({.prog = tc(2), .revision = 2}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  EXPECT_EQ(detach({.prog = tc(2), .revision = 2}), "ESTALE");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
  ASSERT_EQ(detach({.prog = tc(2), .revision = 3}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, replace) {
  ASSERT_EQ(attach({.prog = tc(1), .revision = 1}), "OK");
  ASSERT_EQ(attach({.prog = tc(2), .flags = kBefore | kId, .relative = tc_id(1), .revision = 2}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2 tc1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kReplace, .replace = tc(2), .revision = 3}), "OK");
  EXPECT_EQ(list(), "rev 4: tc3 tc1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc3");
  ASSERT_EQ(
      attach(
          {.prog = tc(2), .flags = kReplace | kBefore, .relative = tc(1), .replace = tc(3), .revision = 4}),
      "OK");
  EXPECT_EQ(list(), "rev 5: tc2 tc1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(2)}), "EEXIST");
  EXPECT_EQ(
      attach({.prog = tc(3), .flags = kReplace | kAfter, .relative = tc(1), .replace = tc(2), .revision = 5}),
      "ERANGE");
  EXPECT_EQ(attach({.prog = tc(3),
                    .flags = kReplace | kBefore | kAfter,
                    .relative = tc(1),
                    .replace = tc(2),
                    .revision = 5}),
            "ERANGE");
  EXPECT_EQ(list(), "rev 5: tc2 tc1");
  ASSERT_EQ(detach({.prog = tc(2), .flags = kBefore | kId, .relative = tc_id(1), .revision = 5}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, invalid) {
  const auto refused = [this](const Ask& ask) {
    const std::string before = list();
    std::string errno_of = attach(ask);
    EXPECT_EQ(list(), before);
    return errno_of;
  };
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kAfter}), "ERANGE");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter | kId}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .relative = tc(2)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore | kAfter, .relative = tc(2)}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kId, .relative = tc_id(2)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore, .relative = tc(1)}), "ENOENT");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "ENOENT");

  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(refused({.prog = tc(1)}), "EEXIST");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kBefore, .relative = tc(1)}), "EEXIST");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "EEXIST");
  EXPECT_EQ(refused({.prog = tc(2), .flags = kReplace, .relative = tc(1)}), "EINVAL");
  EXPECT_EQ(refused({.prog = tc(1), .flags = kReplace, .replace = tc(1)}), "EEXIST");
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, prepend) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2), .flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2 tc1");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kBefore}), "OK");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 5: tc4 tc3 tc2 tc1");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
  for (const int number : {4, 2, 1, 3}) EXPECT_EQ(detach({.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, append) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2), .flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kAfter}), "OK");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2 tc3 tc4");
  EXPECT_EQ(seen_by_ping(), "tc1 tc2 tc3 tc4");
  for (const int number : {3, 4, 1, 2}) EXPECT_EQ(detach({.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, dev_cleanup) {
  at({.ifindex = veth(), .type = GetParam()});
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2 tc3 tc4");
  ASSERT_EQ(remove("v0"), "OK");
  EXPECT_EQ(number_of("v0"), 0U);
  EXPECT_EQ(devices_in(pod_), 1U);
  EXPECT_EQ(list(), "ENODEV");
  EXPECT_EQ(detach({.prog = tc(1)}), "ENODEV");
}

TEST_P(TcOpts, mixed) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(1)}), "EEXIST");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kReplace, .replace = tc(2)}), "EEXIST");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kReplace, .replace = tc(2)}), "EBUSY");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kReplace, .replace = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc3 tc2/l2");
  ASSERT_EQ(link(4, {.prog = tc(4)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(4)}), "EEXIST");

  QueryAnswer answer;
  ASSERT_EQ(query({.room = 4}, answer), "OK");
  EXPECT_EQ(answer.count, 3U);
  EXPECT_EQ(answer.revision, 5U);
  EXPECT_EQ(answer.prog_ids, (std::vector{tc_id(3), tc_id(2), tc_id(4)}));
  EXPECT_EQ(answer.link_ids, (std::vector{0U, link_id(2), link_id(4)}));

  ASSERT_EQ(detach({.prog = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc2/l2 tc4/l4");
  destroy(4);
  destroy(2);
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, demixed) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(detach({.flags = kAfter}), "EBUSY");
  EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
  ASSERT_EQ(detach({.flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 4: tc2/l2");
  destroy(2);
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, detach) {
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2 tc3 tc4");
  ASSERT_EQ(detach({.flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 6: tc2 tc3 tc4");
  ASSERT_EQ(detach({.flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 7: tc2 tc3");
  ASSERT_EQ(detach({.prog = tc(3)}), "OK");
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 1:");
  EXPECT_EQ(detach({.flags = kBefore}), "ENOENT");
  EXPECT_EQ(detach({.flags = kAfter}), "ENOENT");
}

TEST_P(TcOpts, detach_before) {
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(detach({.prog = tc(1), .flags = kBefore, .relative = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc2 tc3 tc4");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kBefore, .relative = tc(2)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kBefore, .relative = tc(4)}), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kBefore, .relative = tc(1)}), "ENOENT");
  ASSERT_EQ(detach({.prog = tc(2), .flags = kBefore, .relative = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 7: tc3 tc4");
  ASSERT_EQ(detach({.flags = kBefore, .relative = tc(4)}), "OK");
  EXPECT_EQ(list(), "rev 8: tc4");
  ASSERT_EQ(detach({.flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, detach_after) {
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(detach({.prog = tc(2), .flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc3 tc4");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kAfter, .relative = tc(1)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kAfter, .relative = tc(4)}), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kAfter, .relative = tc(3)}), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "ERANGE");
  ASSERT_EQ(detach({.prog = tc(3), .flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 7: tc1 tc4");
  ASSERT_EQ(detach({.flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 8: tc1");
  ASSERT_EQ(detach({.flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(TcOpts, delete_empty) {
  EXPECT_EQ(detach(), "ENOENT");
  EXPECT_EQ(detach({.flags = kBefore}), "ENOENT");
  EXPECT_EQ(detach({.flags = kAfter}), "ENOENT");
}

// How a program is asked for in the six variants of "max".
enum class Placed : std::uint8_t { kPlain, kPlainWithRevision, kFront, kBeforeLast, kAfterLast, kBack };
class TcOptsMax : public AttachTest, public ::testing::WithParamInterface<std::tuple<AttachType, Placed>> {};
INSTANTIATE_TEST_SUITE_P(
    , TcOptsMax,
    ::testing::Combine(::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress),
                       ::testing::Values(Placed::kPlain, Placed::kPlainWithRevision, Placed::kFront,
                                         Placed::kBeforeLast, Placed::kAfterLast, Placed::kBack)));

TEST_P(TcOptsMax, max) {
  const auto [type, placed] = GetParam();
  at({.type = type});
  constexpr int kFirst = 100;
  constexpr int kRoom = 63;
  for (int i = 0; i <= kRoom; ++i) {
    Ask ask{.prog = load(kFirst + i)};
    if (placed == Placed::kPlainWithRevision) ask.revision = static_cast<std::uint64_t>(i) + 1;
    if (placed == Placed::kFront || placed == Placed::kBeforeLast) ask.flags = kBefore;
    if (placed == Placed::kBack || placed == Placed::kAfterLast) ask.flags = kAfter;
    if (i > 0 && (placed == Placed::kBeforeLast || placed == Placed::kAfterLast))
      ask.relative = tc(kFirst + i - 1);
    ASSERT_EQ(attach(ask), i < kRoom ? "OK" : "ERANGE") << "program " << i;
  }
  QueryAnswer answer;
  ASSERT_EQ(query({.room = 64}, answer), "OK");
  EXPECT_EQ(answer.count, 63U);
  EXPECT_EQ(answer.revision, 64U);
}

TEST_P(TcOpts, query) {
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  const std::vector all{tc_id(1), tc_id(2), tc_id(3), tc_id(4)};
  {
    QueryAnswer answer;
    ASSERT_EQ(query({.room = 64}, answer), "OK");
    EXPECT_EQ(answer.count, 4U);
    EXPECT_EQ(answer.revision, 5U);
    EXPECT_EQ(answer.prog_ids, all);
    EXPECT_EQ(answer.link_ids, std::vector(4, 0U));
  }
  {
    QueryAnswer answer;
    ASSERT_EQ(query({.room = 2}, answer), "ENOSPC");
    EXPECT_EQ(answer.count, 4U);
    EXPECT_EQ(answer.revision, 5U);
    EXPECT_EQ(answer.prog_ids, (std::vector{tc_id(1), tc_id(2)}));
  }
  {
    QueryAnswer answer;
    ASSERT_EQ(query({.room = 10}, answer), "OK");
    EXPECT_EQ(answer.count, 4U);
    EXPECT_EQ(answer.prog_ids, all);
  }
  {
    QueryAnswer answer;
    ASSERT_EQ(query({.room = 4, .wants_ids = false, .wants_links = false}, answer), "OK");
    EXPECT_EQ(answer.count, 4U);
    EXPECT_TRUE(answer.prog_ids.empty());
  }
  {
    QueryAnswer answer;
    ASSERT_EQ(query({.room = 0}, answer), "OK");
    EXPECT_EQ(answer.count, 4U);
    EXPECT_TRUE(answer.prog_ids.empty());
    EXPECT_TRUE(answer.link_ids.empty());
  }
  QueryAnswer untouched;
  EXPECT_EQ(query({.query_flags = 1, .room = 4}, untouched), "EINVAL");
  EXPECT_EQ(query({.attach_flags = 1, .room = 4}, untouched), "EINVAL");
}

TEST_P(TcOpts, query_attach) {
  QueryAnswer answer;
  ASSERT_EQ(query({}, answer), "OK");
  EXPECT_EQ(answer.count, 0U);
  EXPECT_EQ(answer.revision, 1U);
  ASSERT_EQ(attach({.prog = tc(1), .revision = answer.revision}), "OK");
  EXPECT_EQ(list(), "rev 2: tc1");
}

}  // namespace
}  // namespace netkit::control
