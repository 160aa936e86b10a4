#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kDevices = R"(
objects: {policy: policy.o}
pairs: {nk1: {peer: {name: eth0}}}
)";

std::string with(std::string_view clsact) {
  return std::string(kDevices) + "clsact: " + std::string(clsact);
}

TEST(Clsact, ProgramsOfAHookHaveThePlaceInTheListAsPriority) {
  const Topology topology = parsed(with("{nk1.peer: {egress: [policy.one, policy.two]}}"));
  ASSERT_THAT(topology.filters, SizeIs(2));
  EXPECT_EQ(topology.ends[topology.filters[0].end].label, "nk1.peer");
  EXPECT_EQ(topology.filters[0].hook, Hook::kEgress);
  EXPECT_EQ(topology.filters[0].program.name, "one");
  EXPECT_EQ(topology.filters[0].priority, 1);
  EXPECT_EQ(topology.filters[0].protocol, Be16(0x0003));
  EXPECT_EQ(topology.filters[1].priority, 2);
}

TEST(Clsact, PriorityAndProtocolCanBeSaid) {
  const Topology topology =
      parsed(with("{nk1: {ingress: [{program: policy.a, prio: 7, protocol: ipv6}, {program: policy.b, "
                  "protocol: 0x88cc}]}}"));
  ASSERT_THAT(topology.filters, SizeIs(2));
  EXPECT_EQ(topology.filters[0].hook, Hook::kIngress);
  EXPECT_EQ(topology.filters[0].priority, 7);
  EXPECT_EQ(topology.filters[0].protocol, Be16(0x86dd));
  EXPECT_EQ(topology.filters[1].protocol, Be16(0x88cc));
}

TEST(Clsact, MistakesAreTold) {
  EXPECT_THAT(problem_of(with("{nk2: {ingress: policy.a}}")), HasSubstr("nk2"));
  EXPECT_THAT(problem_of(with("{nk1: {ingres: policy.a}}")), HasSubstr("did you mean 'ingress'?"));
  EXPECT_THAT(problem_of(with("{nk1: {ingress: [{prio: 1}]}}")), HasSubstr("has no 'program'"));
  EXPECT_THAT(problem_of(with("{nk1: {ingress: [{program: policy.a, prio: 0}]}}")), HasSubstr("prio"));
  EXPECT_THAT(problem_of(with("{nk1: {ingress: [{program: policy.a, protocol: tcp}]}}")),
              HasSubstr("it must be all, ip, ipv6"));
}

}  // namespace
}  // namespace netkit::topology
