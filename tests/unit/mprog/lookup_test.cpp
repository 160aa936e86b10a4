// Which list a request means (spec mprog-attach.md 2), what it may be asked for, and the numbers that it is
// asked with (1.1).
#include <utility>

#include "control/uapi.h"
#include "device/link.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

constexpr AttachType kNetkitLists[] = {AttachType::kNetkitPrimary, AttachType::kNetkitPeer};
constexpr AttachType kTcxLists[] = {AttachType::kTcxIngress, AttachType::kTcxEgress};

class LookupTest : public AttachTest {
 protected:
  // The answer of all four requests that look a device up, which must be the same.
  std::string asked_for(Point point) {
    at(point);
    const std::string answer = attach({.prog = tc(1)});
    EXPECT_EQ(detach({.prog = tc(1)}), answer);
    EXPECT_EQ(detach(), answer);
    EXPECT_EQ(link(1, {.prog = tc(1)}), answer);
    EXPECT_EQ(list(), answer);
    return answer;
  }
};

TEST_F(LookupTest, NumbersAreThoseOfTheUserInterface) {
  EXPECT_EQ(std::to_underlying(AttachType::kTcxIngress), 46U);
  EXPECT_EQ(std::to_underlying(AttachType::kTcxEgress), 47U);
  EXPECT_EQ(std::to_underlying(AttachType::kNetkitPrimary), 54U);
  EXPECT_EQ(std::to_underlying(AttachType::kNetkitPeer), 55U);
  EXPECT_EQ(std::to_underlying(device::LinkType::kTcx), 11U);
  EXPECT_EQ(std::to_underlying(device::LinkType::kNetkit), 13U);
  EXPECT_EQ(std::to_underlying(bpf::ProgramType::kSchedCls), 3U);
  EXPECT_EQ(std::uint32_t{kReplace}, 4U);
  EXPECT_EQ(std::uint32_t{kBefore}, 8U);
  EXPECT_EQ(std::uint32_t{kAfter}, 16U);
  EXPECT_EQ(std::uint32_t{kId}, 32U);
  EXPECT_EQ(std::uint32_t{kLink}, 8192U);
}

TEST_F(LookupTest, ANumberThatNoDeviceHas) {
  for (const AttachType type : kEveryList) {
    EXPECT_EQ(asked_for({99999, type}), "ENODEV");
    EXPECT_EQ(asked_for({0, type}), "ENODEV");
  }
}

TEST_F(LookupTest, NetkitListsOfADeviceThatIsNoNetkit) {
  for (const AttachType type : kNetkitLists) {
    EXPECT_EQ(asked_for({kLoopbackNumber, type}), "ENXIO");
    EXPECT_EQ(asked_for({veth(), type}), "ENXIO");
  }
}

TEST_F(LookupTest, NetkitListsThroughThePeer) {
  create_pair();
  client_->enter(pod_);
  const std::uint32_t nk1 = number_of("nk1");
  for (const AttachType type : kNetkitLists) EXPECT_EQ(asked_for({nk1, type}), "EACCES");
  for (const AttachType type : kTcxLists) {
    at({nk1, type});
    EXPECT_EQ(attach({.prog = tc(1)}), "OK");
  }
}

TEST_F(LookupTest, ASingleDeviceHasNoNetkitLists) {
  Order order;
  order.generic.text(kIflaIfname, "nk0");
  order.data.u32(kNetkitPairing, 1);
  ASSERT_EQ(outcome(create(order)), "OK");
  for (const AttachType type : kNetkitLists) EXPECT_EQ(asked_for({number_of("nk0"), type}), "EOPNOTSUPP");
  at({number_of("nk0"), AttachType::kTcxIngress});
  EXPECT_EQ(attach({.prog = tc(1)}), "OK");
}

TEST_F(LookupTest, NumbersAreThoseOfTheCallersNamespace) {
  create_pair();
  const std::uint32_t nk0 = number_of("nk0");
  client_->enter(pod_);
  const std::uint32_t nk1 = number_of("nk1");
  EXPECT_NE(nk0, 0U);
  EXPECT_NE(nk1, 0U);
  // The first number behind lo in both: the same number is another device there.
  EXPECT_EQ(nk0, nk1);
  at({nk0, AttachType::kNetkitPrimary});
  EXPECT_EQ(attach({.prog = tc(1)}), "EACCES");
  client_->enter(host_);
  EXPECT_EQ(attach({.prog = tc(1)}), "OK");
}

TEST_F(LookupTest, AListThatNobodyHasUsedIsEmpty) {
  create_pair();
  for (const AttachType type : kEveryList) {
    at({number_of("nk0"), type});
    EXPECT_EQ(detach(), "ENOENT");
    EXPECT_EQ(list(), "rev 1:");
  }
}

TEST_F(LookupTest, AttachTypesOtherThanTheFourAreRefused) {
  create_pair();
  const std::uint32_t nk0 = number_of("nk0");
  for (const std::uint32_t type : {0U, 3U, 37U, 45U, 48U, 53U, 56U, 1000U, ~0U}) {
    const AttachRequest asked{.target_ifindex = nk0, .prog_fd = tc(1), .attach_type = type};
    QueryAnswer answer;
    EXPECT_EQ(outcome(attach_program(*client_, asked)), "EINVAL") << type;
    EXPECT_EQ(outcome(detach_program(*client_, asked)), "EINVAL") << type;
    EXPECT_EQ(outcome(create_link_at(*client_, asked)), "EINVAL") << type;
    EXPECT_EQ(outcome(query_programs(*client_, {.target_ifindex = nk0, .attach_type = type}, answer)),
              "EINVAL")
        << type;
  }
}

TEST_F(LookupTest, AtXdpAWellFormedRequestComesAsFarAsItsDescriptor) {
  at({99999, AttachType::kXdp});
  EXPECT_EQ(attach({.prog = kBadDescriptor}), "EBADF");
  EXPECT_EQ(attach({.prog = kBadDescriptor, .flags = kReplace | 1 | 2 | 64}), "EBADF");
  EXPECT_EQ(attach({.prog = kBadDescriptor, .flags = kBefore}), "EINVAL");
  EXPECT_EQ(attach({.prog = kBadDescriptor, .relative = 5}), "EINVAL");
  EXPECT_EQ(attach({.prog = kBadDescriptor, .revision = 7}), "EINVAL");
  EXPECT_EQ(attach({.prog = foreign_fd()}), "EINVAL");
  EXPECT_EQ(detach({.prog = kBadDescriptor}), "EINVAL");
  EXPECT_EQ(link(1, {.prog = kBadDescriptor}), "EBADF");
}

TEST_F(LookupTest, EveryKindOfDeviceHasTcxLists) {
  create_pair();
  Order dummy;
  dummy.kind = "dummy";
  dummy.has_data = false;
  dummy.generic.text(kIflaIfname, "d0");
  ASSERT_EQ(outcome(create(dummy)), "OK");
  ASSERT_EQ(outcome(new_tap(*client_, "t0")), "OK");
  for (const std::uint32_t ifindex :
       {kLoopbackNumber, number_of("nk0"), veth(), number_of("d0"), number_of("t0")}) {
    for (const AttachType type : kTcxLists) {
      at({ifindex, type});
      EXPECT_EQ(attach({.prog = tc(1)}), "OK");
      EXPECT_EQ(link(2, {.prog = tc(2)}), "OK");
      EXPECT_EQ(list(), "rev 3: tc1 tc2/l2");
      EXPECT_EQ(detach_link(2), "OK");
    }
  }
}

TEST_F(LookupTest, TheListsOfADeviceDoNotTouchEachOther) {
  create_pair();
  const std::uint32_t nk0 = number_of("nk0");
  int number = 0;
  for (const AttachType type : kEveryList) {
    at({nk0, type});
    EXPECT_EQ(attach({.prog = tc(++number)}), "OK");
  }
  number = 0;
  for (const AttachType type : kEveryList) {
    EXPECT_EQ(list({nk0, type}), "rev 2: tc" + std::to_string(++number));
  }
}

}  // namespace
}  // namespace netkit::control
