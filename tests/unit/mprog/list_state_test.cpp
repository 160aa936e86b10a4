// What a list tells of itself: the revision (spec mprog-attach.md 5) and the answer to a query (6).
#include "device/namespace.h"
#include "device/netkit.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

using ListState = EveryList;
INSTANTIATE_TEST_SUITE_P(, ListState, ::testing::ValuesIn(kEveryList), list_name);

bool is_netkit(AttachType type) {
  return type == AttachType::kNetkitPrimary || type == AttachType::kNetkitPeer;
}

// ---- 5: revision ----

TEST_P(ListState, EveryChangeRaisesTheRevisionByOne) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 2: tc1");
  ASSERT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2");
  ASSERT_EQ(link(3, {.prog = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc2 tc3/l3");
  ASSERT_EQ(update(3, tc(4)), "OK");
  EXPECT_EQ(list(), "rev 5: tc2 tc4/l3");
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc4/l3");
  ASSERT_EQ(link(5, {.prog = tc(5)}), "OK");
  ASSERT_EQ(detach_link(3), "OK");
  EXPECT_EQ(list(), "rev 8: tc5/l5");
  ASSERT_EQ(link(6, {.prog = tc(6)}), "OK");
  destroy(5);
  EXPECT_EQ(list(), "rev 10: tc6/l6");
}

TEST_P(ListState, WhatFailsAndAnUpdateToTheSameProgramLeaveIt) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(1)}), "EEXIST");
  EXPECT_EQ(detach({.prog = tc(2)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(1)}), "EBUSY");
  EXPECT_EQ(update(1, tc(1)), "OK");
  EXPECT_EQ(update(1, tc(2), kReplace, tc(3)), "EPERM");
  EXPECT_EQ(list(), "rev 2: tc1/l1");
}

TEST_P(ListState, AnEmptyListSaysOneAndANetkitListRemembers) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  ASSERT_EQ(detach(), "OK");
  ASSERT_EQ(detach(), "OK");
  EXPECT_EQ(list(), "rev 1:");
  if (is_netkit(GetParam())) {
    EXPECT_EQ(attach({.prog = tc(1), .revision = 1}), "ESTALE");
    EXPECT_EQ(attach({.prog = tc(1), .revision = 5}), "OK");
    EXPECT_EQ(list(), "rev 6: tc1");
  } else {
    EXPECT_EQ(attach({.prog = tc(1), .revision = 5}), "ESTALE");
    EXPECT_EQ(attach({.prog = tc(1), .revision = 1}), "OK");
    EXPECT_EQ(list(), "rev 2: tc1");
  }
}

TEST_P(ListState, WhatHappensToAnEmptiedListHappensThroughLinksToo) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  destroy(1);
  EXPECT_EQ(list(), "rev 1:");
  EXPECT_EQ(link(2, {.prog = tc(2), .revision = is_netkit(GetParam()) ? 3U : 1U}), "OK");
}

class NetkitLists : public AttachTest {};

TEST_F(NetkitLists, AListThatIsEmptiedLetsTheDefaultPolicyDecideAgain) {
  create_pair();
  const auto primary = [this] {
    const device::Rtnl rtnl = network_.lock();
    return std::static_pointer_cast<device::Netkit>(host_->find(rtnl, "nk0"));
  }();
  const rcu::Section section;
  for (const AttachType type : {AttachType::kNetkitPrimary, AttachType::kNetkitPeer}) {
    const device::Netkit& owner = type == AttachType::kNetkitPrimary ? *primary : *primary->other();
    at({primary->ifindex(), type});
    ASSERT_EQ(attach({.prog = tc(1)}), "OK");
    EXPECT_NE(owner.programs.read(), nullptr);
    ASSERT_EQ(detach(), "OK");
    EXPECT_EQ(owner.programs.read(), nullptr);
  }
}

TEST_P(ListState, AMoveToAnotherNamespaceKeepsProgramsAndRevision) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  LinkRequest request;
  request.header.index = static_cast<std::int32_t>(number_of("nk0"));
  request.attributes.u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_));
  ASSERT_EQ(outcome(set_link(*client_, request)), "OK");
  client_->enter(pod_);
  at({number_of("nk0"), GetParam()});
  EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
  EXPECT_EQ(detach({.prog = tc(1), .revision = 3}), "OK");
}

// ---- 6: query ----

TEST_P(ListState, AQueryNeedsACapabilityBeforeAnythingElse) {
  Client plain = plain_client();
  QueryAnswer answer;
  EXPECT_EQ(outcome(query_programs(plain, {.attach_type = 9999, .query_flags = ~0U}, answer)), "EPERM");
}

TEST_P(ListState, AQuerysFlagsAreRefusedAroundTheDevice) {
  const auto type = static_cast<std::uint32_t>(GetParam());
  QueryAnswer answer;
  const auto asked = [&](std::uint32_t ifindex, std::uint32_t query_flags, std::uint32_t attach_flags) {
    return outcome(query_programs(*client_,
                                  {.target_ifindex = ifindex,
                                   .attach_type = type,
                                   .query_flags = query_flags,
                                   .attach_flags = attach_flags},
                                  answer));
  };
  const std::uint32_t nk0 = number_of("nk0");
  EXPECT_EQ(asked(99999, 2, 0), "EINVAL");
  EXPECT_EQ(asked(99999, 1, 0), "ENODEV");
  EXPECT_EQ(asked(99999, 0, 1), "ENODEV");
  EXPECT_EQ(asked(nk0, 1, 0), "EINVAL");
  EXPECT_EQ(asked(nk0, 0, 1), "EINVAL");
  EXPECT_EQ(asked(nk0, 0, 0), "OK");
}

TEST_P(ListState, CountAndRevisionAreAlwaysTold) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  for (const QueryRequest& without_room :
       {QueryRequest{.room = 0}, QueryRequest{.room = 64, .wants_ids = false}}) {
    QueryAnswer answer;
    EXPECT_EQ(query(without_room, answer), "OK");
    EXPECT_EQ(answer.count, 3U);
    EXPECT_EQ(answer.revision, 4U);
    EXPECT_TRUE(answer.prog_ids.empty());
    EXPECT_TRUE(answer.link_ids.empty());
  }
}

TEST_P(ListState, RoomThatIsTooSmallIsFilledAndToldSo) {
  for (const int number : {1, 2}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(link(3, {.prog = tc(3), .flags = kBefore}), "OK");
  QueryAnswer answer;
  EXPECT_EQ(query({.room = 2}, answer), "ENOSPC");
  EXPECT_EQ(answer.count, 3U);
  EXPECT_EQ(answer.revision, 4U);
  EXPECT_EQ(answer.prog_ids, (std::vector{tc_id(3), tc_id(1)}));
  EXPECT_EQ(answer.link_ids, (std::vector{link_id(3), 0U}));
}

TEST_P(ListState, LinkIdsAreToldIfWanted) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  QueryAnswer with;
  EXPECT_EQ(query({.room = 10}, with), "OK");
  EXPECT_EQ(with.link_ids, (std::vector{0U, link_id(2)}));
  QueryAnswer without;
  EXPECT_EQ(query({.room = 10, .wants_links = false}, without), "OK");
  EXPECT_EQ(without.prog_ids, (std::vector{tc_id(1), tc_id(2)}));
  EXPECT_TRUE(without.link_ids.empty());
}

TEST_P(ListState, ProgramsRunInTheOrderOfTheQuery) {
  ASSERT_EQ(attach({.prog = tc(3)}), "OK");
  ASSERT_EQ(attach({.prog = tc(1), .flags = kBefore}), "OK");
  ASSERT_EQ(attach({.prog = tc(2), .flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1 tc2 tc3");
}

}  // namespace
}  // namespace netkit::control
