// Detaching: the rows of spec mprog-attach.md 4, at every kind of list.
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

class DetachRules : public EveryList {
 protected:
  // tc1 to tcN without links.
  void fill(int count) {
    for (int number = 1; number <= count; ++number) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  }
};
INSTANTIATE_TEST_SUITE_P(, DetachRules, ::testing::ValuesIn(kEveryList), list_name);

// ---- 4.1: the request itself ----

TEST_P(DetachRules, FlagsOutsideTheFiveAreRefused) {
  fill(1);
  for (const std::uint32_t flag : {1U, 2U, 64U, 128U, 1U << 31U}) {
    EXPECT_EQ(detach({.prog = tc(1), .flags = flag}), "EINVAL");
    EXPECT_EQ(detach({.flags = flag}), "EINVAL");
  }
  EXPECT_EQ(list(), "rev 2: tc1");
}

TEST_P(DetachRules, ADescriptorThatIsNamedMustBeAProgram) {
  fill(1);
  EXPECT_EQ(detach({.prog = kBadDescriptor}), "EBADF");
  EXPECT_EQ(detach({.prog = map_fd()}), "EINVAL");
  EXPECT_EQ(detach({.prog = foreign_fd()}), "EINVAL");
  EXPECT_EQ(detach({.prog = load(20, 0, bpf::ProgramType::kXdp)}), "EINVAL");
}

TEST_P(DetachRules, WithoutNamingAProgramACapabilityIsNeeded) {
  fill(2);
  Client plain = plain_client();
  EXPECT_EQ(outcome(detach_program(plain, request({}))), "EPERM");
  EXPECT_EQ(outcome(detach_program(plain, request({.flags = kBefore}))), "EPERM");
  AttachRequest named = request({});
  named.prog_fd = plain.open(*client_->find(tc(1)));
  EXPECT_EQ(outcome(detach_program(plain, named)), "OK");
  EXPECT_EQ(list(), "rev 4: tc2");
}

TEST_P(DetachRules, AnEmptyListIsToldBeforeAnythingAboutTheList) {
  EXPECT_EQ(detach(), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(1)}), "ENOENT");
  EXPECT_EQ(detach({.flags = kReplace}), "ENOENT");
  EXPECT_EQ(detach({.revision = 17}), "ENOENT");
  EXPECT_EQ(detach({.flags = kBefore, .relative = kBadDescriptor}), "ENOENT");
}

TEST_P(DetachRules, TheRequestIsCheckedInTheKernelsOrder) {
  fill(2);
  ASSERT_EQ(link(3, {.prog = tc(3)}), "OK");
  const AttachRequest good = request({});
  AttachRequest wrong = good;
  wrong.attach_type = 37;
  wrong.flags = kReplace | kBefore | 1;
  wrong.prog_fd = kBadDescriptor;
  wrong.target_ifindex = 99999;
  wrong.relative = kBadDescriptor;
  wrong.expected_revision = 17;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EINVAL");
  wrong.attach_type = good.attach_type;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EINVAL");
  wrong.flags = kReplace | kBefore;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EBADF");
  wrong.prog_fd = tc(4);
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "ENODEV");
  wrong.target_ifindex = good.target_ifindex;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EINVAL");
  wrong.flags = kBefore;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "ESTALE");
  wrong.expected_revision = 4;
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EBADF");
  wrong.relative = static_cast<std::uint32_t>(tc(5));
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "ENOENT");
  wrong.prog_fd = tc(3);
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "EBUSY");
  wrong.prog_fd = tc(1);
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "ENOENT");
  wrong.relative = static_cast<std::uint32_t>(tc(3));
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "ERANGE");
  wrong.relative = static_cast<std::uint32_t>(tc(2));
  EXPECT_EQ(outcome(detach_program(*client_, wrong)), "OK");
  EXPECT_EQ(list(), "rev 5: tc2 tc3/l3");
}

// ---- 4.2: rules of the list ----

TEST_P(DetachRules, Rule1ReplaceIsRefused) {
  fill(1);
  EXPECT_EQ(detach({.flags = kReplace}), "EINVAL");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kReplace, .replace = tc(1)}), "EINVAL");
}

TEST_P(DetachRules, Rule2TheExpectedRevisionMustBeThePresentOne) {
  fill(1);
  EXPECT_EQ(detach({.prog = tc(1), .revision = 1}), "ESTALE");
  EXPECT_EQ(detach({.prog = tc(1), .revision = 2}), "OK");
}

TEST_P(DetachRules, Rule4AReferenceIsResolvedEvenWhereItIsOfNoUse) {
  fill(2);
  EXPECT_EQ(detach({.prog = tc(1), .relative = kBadDescriptor}), "EBADF");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kId, .relative = kBadId}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kLink, .relative = 0}), "EINVAL");
  EXPECT_EQ(detach({.prog = tc(1), .relative = tc(7)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc2");
}

TEST_P(DetachRules, Rule4TheReferencesTypeCountsOnlyBesideANamedProgram) {
  fill(1);
  const int xdp = load(20, 0, bpf::ProgramType::kXdp);
  EXPECT_EQ(detach({.prog = tc(1), .flags = kBefore, .relative = xdp}), "EINVAL");
  EXPECT_EQ(detach({.flags = kBefore, .relative = xdp}), "ENOENT");
}

TEST_P(DetachRules, Rule5ANamedProgramMustBeThereWithoutLink) {
  fill(1);
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(detach({.prog = tc(3)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(2)}), "EBUSY");
  EXPECT_EQ(detach({.prog = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc2/l2");
}

TEST_P(DetachRules, Rule6BeforeNamesTheEntryInFrontOfTheReference) {
  fill(4);
  EXPECT_EQ(detach({.flags = kBefore, .relative = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc3 tc4");
  EXPECT_EQ(detach({.flags = kBefore, .relative = tc(2)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(3), .flags = kBefore, .relative = tc(4)}), "OK");
  EXPECT_EQ(detach({.prog = tc(4), .flags = kBefore, .relative = tc(1)}), "ERANGE");
  EXPECT_EQ(list(), "rev 7: tc1 tc4");
}

TEST_P(DetachRules, Rule7AfterNamesTheEntryBehindTheReference) {
  fill(4);
  EXPECT_EQ(detach({.flags = kAfter, .relative = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc2 tc4");
  EXPECT_EQ(detach({.flags = kAfter, .relative = tc(3)}), "ENOENT");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(detach({.prog = tc(1), .flags = kAfter, .relative = tc(4)}), "ERANGE");
  EXPECT_EQ(list(), "rev 7: tc1 tc4");
}

TEST_P(DetachRules, Rule6And7BothAtOnceNeverSucceed) {
  fill(3);
  EXPECT_EQ(detach({.flags = kBefore | kAfter}), "ERANGE");
  EXPECT_EQ(detach({.flags = kBefore | kAfter, .relative = tc(2)}), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kBefore | kAfter, .relative = tc(2)}), "ERANGE");
  EXPECT_EQ(detach({.flags = kBefore | kAfter, .relative = tc(4)}), "ENOENT");
}

TEST_P(DetachRules, Rule8AReferenceOrAFlagWithoutPositionNamesNothing) {
  fill(2);
  ASSERT_EQ(link(3, {.prog = tc(3)}), "OK");
  EXPECT_EQ(detach({.relative = tc(1)}), "EINVAL");
  EXPECT_EQ(detach({.flags = kId, .relative = tc_id(1)}), "EINVAL");
  EXPECT_EQ(detach({.flags = kLink, .relative = link_fd(3)}), "EINVAL");
  EXPECT_EQ(detach({.flags = kLink | kId, .relative = link_id(3)}), "EINVAL");
}

TEST_P(DetachRules, Rule9InAFullListTheLastMustBeNamed) {
  constexpr int kFirst = 100;
  for (int i = 0; i < 63; ++i) ASSERT_EQ(attach({.prog = load(kFirst + i)}), "OK");
  const int last = tc(kFirst + 62);
  EXPECT_EQ(detach(), "ERANGE");
  EXPECT_EQ(detach({.flags = kAfter}), "ERANGE");
  EXPECT_EQ(detach({.flags = kAfter, .relative = last}), "ERANGE");
  EXPECT_EQ(detach({.flags = kBefore}), "OK");
  EXPECT_EQ(detach(), "OK");
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  EXPECT_EQ(detach(), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(2)}), "OK");
}

TEST_P(DetachRules, Rule10TheEdgeMayBelongToALink) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  ASSERT_EQ(link(3, {.prog = tc(3)}), "OK");
  EXPECT_EQ(detach(), "EBUSY");
  EXPECT_EQ(detach({.flags = kBefore}), "EBUSY");
  EXPECT_EQ(detach({.flags = kAfter}), "EBUSY");
  EXPECT_EQ(detach({.flags = kBefore, .relative = tc(2)}), "EBUSY");
  EXPECT_EQ(detach({.flags = kAfter, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc3/l3");
}

// ---- what follows from the rules ----

TEST_P(DetachRules, WithoutProgramAndFlagsTheLastGoes) {
  fill(3);
  EXPECT_EQ(detach(), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2");
}

TEST_P(DetachRules, TheEntryBeforeTheFirstIsTheFirstItself) {
  fill(3);
  EXPECT_EQ(detach({.flags = kBefore, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc2 tc3");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kBefore, .relative = tc(2)}), "ERANGE");
}

TEST_P(DetachRules, TheEntryAfterTheLastIsTheLastItself) {
  fill(3);
  EXPECT_EQ(detach({.flags = kAfter, .relative = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kAfter, .relative = tc(2)}), "ERANGE");
}

TEST_P(DetachRules, ANamedProgramIsNeverAtTheEdge) {
  fill(2);
  EXPECT_EQ(detach({.prog = tc(1), .flags = kBefore}), "ERANGE");
  EXPECT_EQ(detach({.prog = tc(2), .flags = kAfter}), "ERANGE");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
}

TEST_P(DetachRules, ALinkAsReference) {
  fill(1);
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  ASSERT_EQ(attach({.prog = tc(3)}), "OK");
  EXPECT_EQ(detach({.flags = kAfter | kLink, .relative = link_fd(2)}), "OK");
  EXPECT_EQ(detach({.flags = kBefore | kLink | kId, .relative = link_id(2)}), "OK");
  EXPECT_EQ(detach({.flags = kBefore | kLink | kId, .relative = link_id(2)}), "EBUSY");
  EXPECT_EQ(list(), "rev 6: tc2/l2");
}

}  // namespace
}  // namespace netkit::control
