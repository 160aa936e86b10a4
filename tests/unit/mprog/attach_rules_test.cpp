// Attaching: the rows of spec mprog-attach.md 3, at every kind of list.
#include "bpf/map/tables.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

using AttachRules = EveryList;
INSTANTIATE_TEST_SUITE_P(, AttachRules, ::testing::ValuesIn(kEveryList), list_name);

// ---- 3.1: the request itself ----

TEST_P(AttachRules, FlagsOutsideTheFiveAreRefused) {
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint32_t flag = 1U << bit;
    if ((flag & (kReplace | kBefore | kAfter | kId | kLink)) != 0) continue;
    EXPECT_EQ(attach({.prog = tc(1), .flags = flag}), "EINVAL") << "bit " << bit;
    EXPECT_EQ(attach({.prog = tc(1), .flags = flag | kBefore}), "EINVAL") << "bit " << bit;
  }
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(AttachRules, AClosedDescriptorIsNoProgram) {
  EXPECT_EQ(attach({.prog = kBadDescriptor}), "EBADF");
  EXPECT_EQ(attach({.prog = -1}), "EBADF");
}

TEST_P(AttachRules, SomethingElseThanAProgramIsRefused) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = 0}), "EINVAL");
  EXPECT_EQ(attach({.prog = map_fd()}), "EINVAL");
  EXPECT_EQ(attach({.prog = foreign_fd()}), "EINVAL");
  EXPECT_EQ(attach({.prog = link_fd(1)}), "EINVAL");
  EXPECT_EQ(attach({.prog = pod_fd_}), "EINVAL");
}

TEST_P(AttachRules, AProgramOfAnotherTypeIsRefused) {
  EXPECT_EQ(attach({.prog = load(20, 0, bpf::ProgramType::kXdp)}), "EINVAL");
  EXPECT_EQ(attach({.prog = load(21, 0, bpf::ProgramType::kSchedAct)}), "EINVAL");
  EXPECT_EQ(attach({.prog = load(22, 0, bpf::ProgramType::kSocketFilter)}), "EINVAL");
}

TEST_P(AttachRules, TheTypeThatAProgramWasLoadedForDoesNotMatter) {
  EXPECT_EQ(attach({.prog = tc(1)}), "OK");  // section tc/ingress
  EXPECT_EQ(attach({.prog = tc(8)}), "OK");  // section tc/egress
  EXPECT_EQ(list(), "rev 3: tc1 tc8");
}

TEST_P(AttachRules, HoldingTheProgramIsEnough) {
  Client plain = plain_client();
  const int program = plain.open(*client_->find(tc(1)));
  AttachRequest wanted = request({});
  wanted.prog_fd = program;
  EXPECT_EQ(outcome(attach_program(plain, wanted)), "OK");
  EXPECT_EQ(list(), "rev 2: tc1");
}

TEST_P(AttachRules, TheProgramToReplaceMustBeAProgramOfTheSameType) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = kBadDescriptor}), "EBADF");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = map_fd()}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = load(20, 0, bpf::ProgramType::kXdp)}),
            "EINVAL");
  EXPECT_EQ(list(), "rev 2: tc1");
}

TEST_P(AttachRules, WithoutTheFlagTheProgramToReplaceIsIgnored) {
  ASSERT_EQ(attach({.prog = tc(1), .replace = kBadDescriptor}), "OK");
  ASSERT_EQ(attach({.prog = tc(2), .replace = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
}

TEST_P(AttachRules, TheRequestIsCheckedInTheKernelsOrder) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  const AttachRequest good = request({.prog = tc(1)});
  AttachRequest wrong = good;
  wrong.attach_type = 3;
  wrong.flags = kReplace | 1;
  wrong.prog_fd = kBadDescriptor;
  wrong.target_ifindex = 99999;
  wrong.replace_fd = kBadDescriptor;
  wrong.relative = kBadDescriptor;
  wrong.expected_revision = 17;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EINVAL");
  wrong.attach_type = good.attach_type;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EINVAL");
  wrong.flags = kReplace;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EBADF");
  wrong.prog_fd = tc(1);
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "ENODEV");
  wrong.target_ifindex = good.target_ifindex;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EBADF");
  wrong.replace_fd = tc(3);
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "ESTALE");
  wrong.expected_revision = 2;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EEXIST");
  wrong.prog_fd = tc(2);
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "EBADF");
  wrong.relative = 0;
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "ENOENT");
  wrong.replace_fd = tc(1);
  EXPECT_EQ(outcome(attach_program(*client_, wrong)), "OK");
  EXPECT_EQ(list(), "rev 3: tc2");
}

// ---- 3.2: links ----

TEST_P(AttachRules, ALinksProgramMustBeAProgramOfTheRightType) {
  EXPECT_EQ(link(1, {.prog = kBadDescriptor}), "EBADF");
  EXPECT_EQ(link(1, {.prog = 0}), "EINVAL");
  EXPECT_EQ(link(1, {.prog = map_fd()}), "EINVAL");
  EXPECT_EQ(link(1, {.prog = load(20, 0, bpf::ProgramType::kXdp)}), "EINVAL");
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(AttachRules, ALinksUnknownFlagsCountOnlyAsAFlagWithoutPosition) {
  for (const std::uint32_t unknown : {1U, 2U, 64U, 1U << 31U}) {
    EXPECT_EQ(link(1, {.prog = tc(1), .flags = unknown}), "EINVAL");
    ASSERT_EQ(link(1, {.prog = tc(1), .flags = unknown | kBefore}), "OK");
    ASSERT_EQ(link(2, {.prog = tc(2), .flags = unknown | kAfter}), "OK");
    destroy(1);
    destroy(2);
  }
}

TEST_P(AttachRules, ALinkNeverReplaces) {
  EXPECT_EQ(link(1, {.prog = tc(1), .flags = kReplace}), "ENOENT");
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(link(2, {.prog = tc(2), .flags = kReplace, .replace = tc(1)}), "ENOENT");
  EXPECT_EQ(link(2, {.prog = tc(2), .flags = kReplace | kBefore, .relative = tc(1)}), "ENOENT");
  EXPECT_EQ(list(), "rev 2: tc1");
}

TEST_P(AttachRules, ALinkThatCannotBeMadeLeavesNothingBehind) {
  const auto links_before = device::LinkTable::instance().ids();
  EXPECT_EQ(link(1, {.prog = tc(1), .revision = 9}), "ESTALE");
  EXPECT_EQ(link(1, {.prog = tc(1), .flags = kId}), "ENOENT");
  EXPECT_EQ(device::LinkTable::instance().ids(), links_before);
  EXPECT_EQ(list(), "rev 1:");
  EXPECT_EQ(link(1, {.prog = tc(1)}), "OK");
}

// ---- 3.3: rules of the list ----

TEST_P(AttachRules, Rule1TheExpectedRevisionMustBeThePresentOne) {
  EXPECT_EQ(attach({.prog = tc(1), .revision = 2}), "ESTALE");
  EXPECT_EQ(attach({.prog = tc(1), .revision = ~std::uint64_t{0}}), "ESTALE");
  EXPECT_EQ(attach({.prog = tc(1), .revision = 1}), "OK");
  EXPECT_EQ(link(2, {.prog = tc(2), .revision = 1}), "ESTALE");
  EXPECT_EQ(link(2, {.prog = tc(2), .revision = 2}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
}

TEST_P(AttachRules, Rule2AProgramIsInAListOnceWhoeverAttachedIt) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(attach({.prog = tc(1)}), "EEXIST");
  EXPECT_EQ(attach({.prog = tc(2)}), "EEXIST");
  EXPECT_EQ(link(3, {.prog = tc(1)}), "EEXIST");
  EXPECT_EQ(link(3, {.prog = tc(2)}), "EEXIST");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kReplace, .replace = tc(1)}), "EEXIST");
  EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
}

TEST_P(AttachRules, Rule2TwoLoadsOfTheSameBytesAreTwoPrograms) {
  EXPECT_EQ(attach({.prog = load(20)}), "OK");
  EXPECT_EQ(attach({.prog = load(21)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc20 tc21");
}

TEST_P(AttachRules, Rule2AProgramMayBeInSeveralLists) {
  const std::uint32_t nk0 = number_of("nk0");
  for (const AttachType type : kEveryList) {
    at({nk0, type});
    EXPECT_EQ(attach({.prog = tc(1)}), "OK");
  }
}

TEST_P(AttachRules, Rule3AReferenceIsResolvedBeforeReplaceIsLookedAt) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .relative = kBadDescriptor, .replace = tc(3)}),
            "EBADF");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .relative = tc(1), .replace = tc(3)}), "ENOENT");
}

TEST_P(AttachRules, Rule4TheProgramToReplaceMustBeInTheList) {
  EXPECT_EQ(attach({.prog = tc(1), .flags = kReplace, .replace = tc(2)}), "ENOENT");
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(3)}), "ENOENT");
  EXPECT_EQ(list(), "rev 2: tc1");
}

TEST_P(AttachRules, Rule4AnEntryOfALinkIsNotReplaced) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .replace = tc(1)}), "EBUSY");
  EXPECT_EQ(list(), "rev 2: tc1/l1");
}

TEST_P(AttachRules, Rule4ReplacingKeepsThePlace) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kReplace, .replace = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc4 tc3");
  ASSERT_EQ(attach({.prog = tc(5), .flags = kReplace, .replace = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(6), .flags = kReplace, .replace = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 7: tc5 tc4 tc6");
}

TEST_P(AttachRules, Rule5AFullListTakesNothingButReplacements) {
  constexpr int kFirst = 100;
  for (int i = 0; i < 63; ++i) ASSERT_EQ(attach({.prog = load(kFirst + i)}), "OK");
  EXPECT_EQ(attach({.prog = tc(1)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kBefore}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kAfter, .relative = tc(kFirst)}), "ERANGE");
  EXPECT_EQ(link(1, {.prog = tc(1)}), "ERANGE");
  ASSERT_EQ(attach({.prog = tc(1), .flags = kReplace, .replace = tc(kFirst + 62)}), "OK");
  EXPECT_EQ(attach({.prog = tc(1)}), "EEXIST");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore, .relative = kBadDescriptor}), "EBADF");
}

TEST_P(AttachRules, Rule6BeforeIsDirectlyInFrontOfTheReference) {
  for (const int number : {1, 2}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = tc(2)}), "OK");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kBefore, .relative = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(5), .flags = kBefore}), "OK");
  EXPECT_EQ(list(), "rev 6: tc5 tc4 tc1 tc3 tc2");
  EXPECT_EQ(attach({.prog = tc(6), .flags = kBefore, .relative = tc(7)}), "ENOENT");
}

TEST_P(AttachRules, Rule7AfterIsDirectlyBehindTheReference) {
  for (const int number : {1, 2}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  ASSERT_EQ(attach({.prog = tc(3), .flags = kAfter, .relative = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kAfter, .relative = tc(2)}), "OK");
  ASSERT_EQ(attach({.prog = tc(5), .flags = kAfter}), "OK");
  EXPECT_EQ(list(), "rev 6: tc1 tc3 tc2 tc4 tc5");
  EXPECT_EQ(attach({.prog = tc(6), .flags = kAfter, .relative = tc(7)}), "ENOENT");
}

TEST_P(AttachRules, Rule6And7BothAtOnceNeverSucceed) {
  EXPECT_EQ(attach({.prog = tc(1), .flags = kBefore | kAfter}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kBefore | kAfter, .relative = tc(2)}), "ENOENT");
  for (const int number : {1, 2}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kAfter}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kAfter, .relative = tc(1)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kAfter, .relative = tc(4)}), "ENOENT");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
}

TEST_P(AttachRules, Rule6ReplaceWithBeforeIsAConditionOnTheNextProgram) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  const std::uint32_t flags = kReplace | kBefore;
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(3), .replace = tc(1)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(1), .replace = tc(1)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(5), .replace = tc(1)}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .replace = tc(1)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(2), .replace = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc4 tc2 tc3");
}

TEST_P(AttachRules, Rule7ReplaceWithAfterIsAConditionOnTheProgramInFront) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  const std::uint32_t flags = kReplace | kAfter;
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(1), .replace = tc(3)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(3), .replace = tc(3)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(5), .replace = tc(3)}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .replace = tc(3)}), "ERANGE");
  EXPECT_EQ(attach({.prog = tc(4), .flags = flags, .relative = tc(2), .replace = tc(3)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc1 tc2 tc4");
}

TEST_P(AttachRules, Rule8AReferenceOrAFlagWithoutPositionIsRefused) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(attach({.prog = tc(3), .relative = tc(1)}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kId, .relative = tc_id(1)}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kLink, .relative = link_fd(2)}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kLink | kId, .relative = link_id(2)}), "EINVAL");
}

TEST_P(AttachRules, Rule8ReplaceAloneIgnoresAReferenceThatResolves) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kReplace, .relative = tc(5), .replace = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kReplace | kId, .relative = tc_id(1), .replace = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc3");
}

TEST_P(AttachRules, Rule10WithoutWishesAProgramComesLast) {
  for (const int number : {3, 1, 2}) ASSERT_EQ(attach({.prog = tc(number)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc3 tc1 tc2");
}

TEST_P(AttachRules, AProgramRelativeToItselfIsNotThereYetOrThereAlready) {
  EXPECT_EQ(attach({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "ENOENT");
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(1), .flags = kAfter, .relative = tc(1)}), "EEXIST");
}

TEST_P(AttachRules, AReplacedProgramIsFreedWhenNobodyElseHoldsIt) {
  const std::uint32_t id = [this] {
    const int program = load(20);
    EXPECT_EQ(attach({.prog = program}), "OK");
    EXPECT_TRUE(client_->close(program));
    return tc_id(20);
  }();
  bpf::ProgramRef old = bpf::ProgramTable::instance().find(id);
  ASSERT_NE(old, nullptr);
  const int handle = client_->open(std::move(old));
  ASSERT_EQ(attach({.prog = tc(1), .flags = kReplace, .replace = handle}), "OK");
  ASSERT_TRUE(client_->close(handle));
  rcu::drain();
  EXPECT_EQ(bpf::ProgramTable::instance().find(id), nullptr);
}

// ---- 3.4: references ----

TEST_P(AttachRules, AReferenceByDescriptor) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = kBadDescriptor}), "EBADF");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = map_fd()}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = link_fd(2)}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore, .relative = 0}), "OK");
  EXPECT_EQ(attach({.prog = tc(4), .flags = kBefore, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 5: tc3 tc4 tc1 tc2/l2");
}

TEST_P(AttachRules, AReferenceById) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kId, .relative = 0}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kId, .relative = kBadId}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kId, .relative = tc_id(2)}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(3), .flags = kBefore | kId, .relative = tc_id(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc3 tc1");
}

TEST_P(AttachRules, AReferenceByALinksDescriptor) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  const std::uint32_t flags = kAfter | kLink;
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = 0}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = kBadDescriptor}), "EBADF");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = tc(1)}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = foreign_fd()}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = link_fd(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc3");
}

TEST_P(AttachRules, AReferenceByALinksId) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  const std::uint32_t flags = kAfter | kLink | kId;
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = 0}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = kBadId}), "ENOENT");
  EXPECT_EQ(attach({.prog = tc(3), .flags = flags, .relative = link_id(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc3");
}

TEST_P(AttachRules, AReferenceNeedsNoCapability) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  Client plain = plain_client();
  AttachRequest wanted = request({.flags = kBefore | kId, .relative = tc_id(1)});
  wanted.prog_fd = plain.open(*client_->find(tc(2)));
  EXPECT_EQ(outcome(attach_program(plain, wanted)), "OK");
  EXPECT_EQ(list(), "rev 3: tc2 tc1");
}

TEST_P(AttachRules, AReferenceToAnotherTypeOfProgramIsRefused) {
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  const int xdp = load(20, 0, bpf::ProgramType::kXdp);
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore, .relative = xdp}), "EINVAL");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore | kId, .relative = tc_id(20)}), "EINVAL");
}

TEST_P(AttachRules, AProgramAsReferenceAlsoMeansTheEntryOfALink) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore, .relative = tc(1)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc2 tc1/l1");
}

TEST_P(AttachRules, ALinkAsReferenceMeansItsOwnEntryAlone) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(detach_link(1), "OK");
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore | kLink, .relative = link_fd(1)}), "ENOENT");
  const std::uint32_t nk0 = number_of("nk0");
  at({nk0, GetParam() == AttachType::kTcxEgress ? AttachType::kTcxIngress : AttachType::kTcxEgress});
  ASSERT_EQ(link(3, {.prog = tc(1)}), "OK");
  at({nk0, GetParam()});
  EXPECT_EQ(attach({.prog = tc(2), .flags = kBefore | kLink, .relative = link_fd(3)}), "ENOENT");
}

}  // namespace
}  // namespace netkit::control
