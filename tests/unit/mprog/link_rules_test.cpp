// Links: the rows of spec mprog-attach.md 7, at every kind of list.
#include "bpf/map/tables.h"
#include "control/pins.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

class LinkRules : public EveryList {
 protected:
  [[nodiscard]] static bool exists(std::uint32_t id) {
    return device::LinkTable::instance().find(id) != nullptr;
  }
};
INSTANTIATE_TEST_SUITE_P(, LinkRules, ::testing::ValuesIn(kEveryList), list_name);

// ---- 7.1: lifetime ----

TEST_P(LinkRules, ALinkGoesWithItsLastHandleAlsoFromTheMiddle) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(link(number, {.prog = tc(number)}), "OK");
  const std::uint32_t id = link_id(2);
  const int second_handle = open_link(*client_, id).value();
  destroy(2);
  EXPECT_EQ(list(), "rev 4: tc1/l1 tc2/l2 tc3/l3");
  ASSERT_TRUE(client_->close(second_handle));
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc3/l3");
  EXPECT_FALSE(exists(id));
}

TEST_P(LinkRules, AClientThatEndsLetsItsLinksGo) {
  {
    Client other(system_, host_);
    AttachRequest wanted = request({});
    wanted.prog_fd = other.open(*client_->find(tc(1)));
    ASSERT_EQ(outcome(create_link_at(other, wanted)), "OK");
    EXPECT_EQ(list(), "rev 2: tc1/l?l" + std::to_string(device::LinkTable::instance().ids().back()));
  }
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(LinkRules, APinKeepsTheAttachmentWhenTheClientEnds) {
  constexpr std::string_view kPath = "/sys/fs/bpf/link";
  {
    Client other(system_, host_);
    AttachRequest wanted = request({});
    wanted.prog_fd = other.open(*client_->find(tc(1)));
    const Result<int> made = create_link_at(other, wanted);
    ASSERT_EQ(outcome(made), "OK");
    ASSERT_EQ(outcome(pin_object(other, *made, kPath)), "OK");
  }
  EXPECT_TRUE(list().starts_with("rev 2: tc1/l"));
  const Result<int> opened = open_pin(*client_, kPath);
  ASSERT_EQ(outcome(opened), "OK");
  ASSERT_EQ(outcome(system_.pins.unlink({}, kPath)), "OK");
  EXPECT_TRUE(list().starts_with("rev 2: tc1/l"));
  ASSERT_TRUE(client_->close(*opened));
  EXPECT_EQ(list(), "rev 1:");
}

TEST_P(LinkRules, ALinkOutlivesItsDeviceAndIsDefunct) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(remove("nk0"), "OK");
  const LinkInfo told = info(1);
  EXPECT_EQ(told.ifindex, 0U);
  EXPECT_EQ(told.prog_id, tc_id(1));
  EXPECT_EQ(told.attach_type, static_cast<std::uint32_t>(GetParam()));
  EXPECT_EQ(update(1, tc(2)), "ENOLINK");
  EXPECT_EQ(update(1, tc(1)), "ENOLINK");
  EXPECT_EQ(detach_link(1), "OK");
  destroy(1);
  EXPECT_FALSE(exists(told.id));
}

TEST_P(LinkRules, ALinkDoesNotKeepADeviceAndHoldsItsProgram) {
  ASSERT_EQ(link(1, {.prog = load(20)}), "OK");
  ASSERT_TRUE(client_->close(tc(20)));
  ASSERT_EQ(remove("nk0"), "OK");
  rcu::drain();
  EXPECT_EQ(number_of("nk0"), 0U);
  EXPECT_NE(bpf::ProgramTable::instance().find(tc_id(20)), nullptr);
  destroy(1);
  rcu::drain();
  EXPECT_EQ(bpf::ProgramTable::instance().find(tc_id(20)), nullptr);
}

TEST_P(LinkRules, ProgramsAttachedDirectlyDieWithTheDevice) {
  ASSERT_EQ(attach({.prog = load(20)}), "OK");
  ASSERT_TRUE(client_->close(tc(20)));
  rcu::drain();
  EXPECT_NE(bpf::ProgramTable::instance().find(tc_id(20)), nullptr);
  ASSERT_EQ(remove("nk0"), "OK");
  rcu::drain();
  EXPECT_EQ(bpf::ProgramTable::instance().find(tc_id(20)), nullptr);
}

// ---- 7.2: update ----

TEST_P(LinkRules, AnUpdateIsCheckedInTheKernelsOrder) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  LinkUpdateRequest wrong{.link_fd = kBadDescriptor,
                          .new_prog_fd = kBadDescriptor,
                          .flags = kBefore,
                          .old_prog_fd = kBadDescriptor};
  const auto asked = [&] { return outcome(update_link(*client_, wrong)); };
  EXPECT_EQ(asked(), "EINVAL");
  wrong.flags = kReplace;
  EXPECT_EQ(asked(), "EBADF");
  wrong.link_fd = tc(1);
  EXPECT_EQ(asked(), "EINVAL");
  wrong.link_fd = link_fd(1);
  EXPECT_EQ(asked(), "EBADF");
  wrong.new_prog_fd = map_fd();
  EXPECT_EQ(asked(), "EINVAL");
  wrong.new_prog_fd = tc(2);
  EXPECT_EQ(asked(), "EBADF");
  wrong.old_prog_fd = foreign_fd();
  EXPECT_EQ(asked(), "EINVAL");
  wrong.old_prog_fd = tc(3);
  EXPECT_EQ(asked(), "EPERM");
  wrong.old_prog_fd = tc(1);
  EXPECT_EQ(asked(), "EEXIST");
  wrong.new_prog_fd = tc(3);
  EXPECT_EQ(asked(), "OK");
  EXPECT_EQ(list(), "rev 4: tc3/l1 tc2");
}

TEST_P(LinkRules, AnUpdateKnowsNoFlagButReplace) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  for (const std::uint32_t flag : {1U, 2U, 8U, 16U, 32U, 64U, 8192U, 1U << 31U}) {
    EXPECT_EQ(update(1, tc(2), flag), "EINVAL");
    EXPECT_EQ(update(1, tc(2), flag | kReplace, tc(1)), "EINVAL");
  }
}

TEST_P(LinkRules, AnOldProgramWithoutTheFlagIsRefused) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(update(1, tc(2), 0, tc(1)), "EINVAL");
  EXPECT_EQ(update(1, tc(2), 0, kBadDescriptor), "EINVAL");
  EXPECT_EQ(update(1, tc(2), kReplace, 0), "EINVAL");
}

TEST_P(LinkRules, TheProgramOfAnUpdateMustBeOfTheSameType) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(update(1, load(20, 0, bpf::ProgramType::kXdp)), "EINVAL");
}

TEST_P(LinkRules, TheSameProgramChangesNothing) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(update(1, tc(1)), "OK");
  EXPECT_EQ(update(1, tc(1), kReplace, tc(1)), "OK");
  EXPECT_EQ(update(1, tc(1), kReplace, tc(2)), "EPERM");
  EXPECT_EQ(list(), "rev 2: tc1/l1");
}

TEST_P(LinkRules, AnUpdateKeepsPlaceAndId) {
  for (const int number : {1, 2, 3}) ASSERT_EQ(link(number, {.prog = tc(number)}), "OK");
  const std::uint32_t id = link_id(2);
  EXPECT_EQ(update(2, tc(4)), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc4/l2 tc3/l3");
  EXPECT_EQ(info(2).id, id);
  EXPECT_EQ(info(2).prog_id, tc_id(4));
}

TEST_P(LinkRules, AnUpdateWorksInAFullList) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  for (int i = 0; i < 62; ++i) ASSERT_EQ(attach({.prog = load(100 + i)}), "OK");
  EXPECT_EQ(update(1, tc(2)), "OK");
  EXPECT_EQ(update(1, tc(100)), "EEXIST");
}

TEST_P(LinkRules, LinksAreManagedFromAnywhere) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  client_->enter(pod_);
  EXPECT_EQ(update(1, tc(2)), "OK");
  EXPECT_EQ(detach_link(1), "OK");
  client_->enter(host_);
  EXPECT_EQ(list(), "rev 1:");
}

// ---- 7.3: detach ----

TEST_P(LinkRules, DetachingTakesTheEntryOutAtOnceAndMayBeRepeated) {
  for (const int number : {1, 2}) ASSERT_EQ(link(number, {.prog = tc(number)}), "OK");
  EXPECT_EQ(detach_link(1), "OK");
  EXPECT_EQ(list(), "rev 4: tc2/l2");
  EXPECT_EQ(detach_link(1), "OK");
  EXPECT_EQ(list(), "rev 4: tc2/l2");
  EXPECT_EQ(update(1, tc(3)), "ENOLINK");
  EXPECT_EQ(info(1).ifindex, 0U);
  EXPECT_EQ(info(1).prog_id, tc_id(1));
  destroy(1);
  EXPECT_EQ(list(), "rev 4: tc2/l2");
}

TEST_P(LinkRules, OnlyALinksDescriptorCanBeDetached) {
  EXPECT_EQ(outcome(control::detach_link(*client_, kBadDescriptor)), "EBADF");
  EXPECT_EQ(outcome(control::detach_link(*client_, tc(1))), "EINVAL");
  EXPECT_EQ(outcome(control::detach_link(*client_, 0)), "EINVAL");
}

// ---- 7.4: information ----

TEST_P(LinkRules, InformationNamesTheEndWhoseListItIs) {
  // Another device first, so that the ends' numbers differ.
  Order dummy;
  dummy.kind = "dummy";
  dummy.has_data = false;
  client_->enter(pod_);
  ASSERT_EQ(outcome(create(dummy)), "OK");
  client_->enter(host_);
  ASSERT_EQ(remove("nk0"), "OK");
  create_pair();
  const std::uint32_t nk0 = number_of("nk0");
  client_->enter(pod_);
  const std::uint32_t nk1 = number_of("nk1");
  client_->enter(host_);
  ASSERT_NE(nk0, nk1);

  at({nk0, GetParam()});
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  const LinkInfo told = info(1);
  const bool netkit = GetParam() == AttachType::kNetkitPrimary || GetParam() == AttachType::kNetkitPeer;
  EXPECT_EQ(told.type, netkit ? 13U : 11U);
  EXPECT_EQ(told.id, link_id(1));
  EXPECT_EQ(told.prog_id, tc_id(1));
  EXPECT_EQ(told.ifindex, GetParam() == AttachType::kNetkitPeer ? nk1 : nk0);
  EXPECT_EQ(told.attach_type, static_cast<std::uint32_t>(GetParam()));
}

TEST_P(LinkRules, InformationAboutABadDescriptorIsEbadfd) {
  EXPECT_EQ(outcome(link_info(*client_, kBadDescriptor)), "EBADFD");
  EXPECT_EQ(outcome(link_info(*client_, -1)), "EBADFD");
}

TEST_P(LinkRules, FindingByIdNeedsACapability) {
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  EXPECT_EQ(outcome(open_link(*client_, kBadId)), "ENOENT");
  EXPECT_EQ(outcome(open_link(*client_, 0)), "ENOENT");
  EXPECT_EQ(outcome(open_program(*client_, kBadId)), "ENOENT");
  Client plain = plain_client();
  EXPECT_EQ(outcome(open_link(plain, link_id(1))), "EPERM");
  EXPECT_EQ(outcome(open_link(plain, kBadId)), "EPERM");
  EXPECT_EQ(outcome(open_program(plain, tc_id(1))), "EPERM");
}

}  // namespace
}  // namespace netkit::control
