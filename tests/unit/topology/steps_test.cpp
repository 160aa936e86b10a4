#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Step only_step(std::string_view step) {
  Topology topology = parsed(two_pods("steps:\n  - " + std::string(step) + "\n"));
  if (topology.steps.size() == 1) return std::move(topology.steps[0]);
  ADD_FAILURE() << topology.steps.size() << " steps";
  return {};
}

std::string problem_of_step(std::string_view step) {
  return problem_of(two_pods("steps:\n  - " + std::string(step) + "\n"));
}

TEST(Steps, PingGoesToTheAddressesOfTheFamiliesThatBothSidesHave) {
  const Step step = only_step("ping: {from: pod1, to: nk1, count: 3, size: 1000, timeout: 0.5}");
  const auto& ping = std::get<Ping>(step.action);
  EXPECT_EQ(ping.path.from, 1U);
  EXPECT_THAT(ping.path.to, ElementsAre(*parse_ip("10.0.1.1"), *parse_ip("fd00:1::1")));
  EXPECT_EQ(ping.count, 3U);
  EXPECT_EQ(ping.size, 1000U);
  EXPECT_EQ(ping.timeout, 500ms);
  EXPECT_EQ(ping.expect, Outcome::kOk);
  EXPECT_EQ(step.say, "ping from pod1 to nk1");
  EXPECT_THAT(std::get<Ping>(only_step("ping: {from: pod2, to: nk1}").action).path.to, SizeIs(1));
}

TEST(Steps, ANamespaceAsTargetMeansItsOnlyDeviceWithAddresses) {
  const auto ping = std::get<Ping>(only_step("ping: {from: pod1, to: pod2, expect: lost}").action);
  EXPECT_THAT(ping.path.to, ElementsAre(*parse_ip("10.0.2.2")));
  EXPECT_EQ(ping.path.to_end, 3U);
  EXPECT_EQ(ping.expect, Outcome::kLost);
  EXPECT_THAT(problem_of_step("ping: {from: pod1, to: host}"),
              HasSubstr("host has several devices with addresses"));
}

TEST(Steps, AnAddressAsTargetIsTakenAsItIs) {
  const auto known = std::get<Ping>(only_step("ping: {from: pod1, to: 10.0.2.2}").action);
  EXPECT_EQ(known.path.to_end, 3U);
  const auto unknown = std::get<Ping>(only_step("ping: {from: pod1, to: 192.0.2.1}").action);
  EXPECT_THAT(unknown.path.to, ElementsAre(*parse_ip("192.0.2.1")));
  EXPECT_FALSE(unknown.path.to_end);
}

TEST(Steps, WrongTargetsAreTold) {
  EXPECT_THAT(problem_of_step("ping: {from: pod1, to: nk1.pear}"), HasSubstr("did you mean 'nk1.peer'?"));
  EXPECT_THAT(problem_of_step("ping: {from: pdo1, to: nk1}"),
              HasSubstr("no namespace is called 'pdo1'; did you mean 'pod1'?"));
  EXPECT_THAT(problem_of_step("ping: {from: pod2, to: nk1, family: ipv7}"),
              HasSubstr("it must be ipv4, ipv6, both"));
  EXPECT_THAT(problem_of_step("ping: {from: pod1, to: pod2, family: ipv6}"),
              HasSubstr("no address of the same family"));
  EXPECT_THAT(problem_of_step("ping: {to: pod2}"), HasSubstr("'ping' has no 'from'"));
}

TEST(Steps, TcpRunsForATimeOrAnAmount) {
  EXPECT_EQ(std::get<Tcp>(only_step("tcp: {from: pod1, to: pod2}").action).duration, 1s);
  const auto measured = std::get<Tcp>(
      only_step("tcp: {from: pod1, to: pod2, seconds: 2, baseline: veth, min_ratio: 0.5}").action);
  EXPECT_EQ(measured.baseline, Baseline::kVeth);
  EXPECT_EQ(measured.min_ratio, 0.5);
  const auto bytes = std::get<Tcp>(only_step("tcp: {from: pod1, to: pod2, bytes: 1000000}").action);
  EXPECT_EQ(bytes.bytes, 1'000'000U);
  EXPECT_FALSE(bytes.duration);
  EXPECT_THAT(problem_of_step("tcp: {from: pod1, to: pod2, seconds: 1, bytes: 5}"),
              HasSubstr("exclude each other"));
  EXPECT_THAT(problem_of_step("tcp: {from: pod1, to: pod2, min_ratio: 1}"), HasSubstr("add baseline: veth"));
}

TEST(Steps, UdpNeighbourExecSetAndWait) {
  const auto udp =
      std::get<Udp>(only_step("udp: {from: pod1, to: pod2, port: 9, size: 8000, count: 5}").action);
  EXPECT_EQ(udp.port, 9);
  EXPECT_EQ(udp.size, 8000U);
  const auto neighbour =
      std::get<Neighbour>(only_step("neighbour: {from: pod1, to: nk1, lladdr: nk1}").action);
  EXPECT_EQ(std::get<EndIndex>(*neighbour.lladdr), 0U);
  const auto shell = std::get<Exec>(only_step("exec: {in: pod1, cmd: ip -br addr, expect_exit: 1}").action);
  EXPECT_EQ(shell.in, 1U);
  EXPECT_THAT(shell.command, ElementsAre("/bin/sh", "-c", "ip -br addr"));
  EXPECT_EQ(shell.expect_exit, 1);
  EXPECT_THAT(std::get<Exec>(only_step("exec: {cmd: [ip, addr]}").action).command, ElementsAre("ip", "addr"));
  const auto set =
      std::get<SetLink>(only_step("set: {device: nk1.peer, up: false, mtu: 9000, policy: blackhole}").action);
  EXPECT_EQ(set.end, 1U);
  EXPECT_EQ(set.up, false);
  EXPECT_EQ(set.mtu, 9000U);
  EXPECT_EQ(set.policy, Policy::kBlackhole);
  EXPECT_THAT(problem_of_step("set: {device: nk1}"), HasSubstr("'set' changes nothing"));
  EXPECT_EQ(std::get<Wait>(only_step("wait: 1.5").action).time, 1500ms);
  EXPECT_THAT(problem_of_step("wait: -1"), HasSubstr("'wait' is '-1'"));
}

TEST(Steps, ProgramsAreAttachedInWords) {
  const auto attach = std::get<Attach>(only_step(R"(attach:
      nk1.peer: [policy.a, {program: policy.b, before: policy.a}, {program: policy.c, at: head}]
      nk2: {program: policy.a, replace: policy.b})")
                                           .action);
  ASSERT_THAT(attach.attachments, SizeIs(2));
  const auto& programs = attach.attachments[0].programs;
  ASSERT_THAT(programs, SizeIs(3));
  EXPECT_EQ(attach.attachments[0].end, 1U);
  EXPECT_EQ(programs[0].program.name, "a");
  EXPECT_EQ(programs[0].anchor, Anchor::kTail);
  EXPECT_EQ(programs[1].anchor, Anchor::kBefore);
  EXPECT_EQ(programs[1].relative->name, "a");
  EXPECT_EQ(programs[2].anchor, Anchor::kHead);
  EXPECT_EQ(attach.attachments[1].programs[0].anchor, Anchor::kReplace);
  EXPECT_THAT(problem_of_step("attach: {nk9: [policy.a]}"),
              HasSubstr("no device is called 'nk9'; did you mean 'nk1'?"));
  EXPECT_THAT(problem_of_step("attach: {nk1: [polcy.a]}"),
              HasSubstr("no object is called 'polcy'; did you mean 'policy'?"));
  EXPECT_THAT(problem_of_step("attach: {nk1: [a]}"), HasSubstr("'a' names no object; write OBJECT.NAME"));
  EXPECT_THAT(problem_of_step("attach: {nk1: [{program: policy.a, before: policy.b, after: policy.c}]}"),
              HasSubstr("only one of 'at', 'before', 'after' and 'replace'"));
}

TEST(Steps, DetachNamesProgramsOnly) {
  const auto detach = std::get<Detach>(only_step("detach: {nk1.peer: policy.a}").action);
  ASSERT_THAT(detach.attachments, SizeIs(1));
  EXPECT_EQ(detach.attachments[0].programs[0].program.name, "a");
  EXPECT_THAT(problem_of_step("detach: {nk1.peer: [{program: policy.a}]}"), HasSubstr("it must be text"));
}

TEST(Steps, MapsAreUpdatedAndEntriesDeleted) {
  const auto update = std::get<UpdateMaps>(only_step("maps: {policy.m: {1: 2, 3: }}").action);
  ASSERT_THAT(update.maps, SizeIs(1));
  ASSERT_THAT(update.maps[0].entries, SizeIs(2));
  EXPECT_TRUE(update.maps[0].entries[0].value);
  EXPECT_FALSE(update.maps[0].entries[1].value);
  EXPECT_THAT(problem_of(two_pods("maps: {policy.m: {1: }}")), HasSubstr("an entry needs a value"));
}

TEST(Steps, ExpectationsCountFromTheStepItself) {
  const Step step = only_step(R"(ping: {from: pod1, to: pod2}
    expect:
      - {device: nk1.peer, tx_packets: ">= 3", drops: {verdict: 0, policy: "!=5"}}
      - {program: policy.a, runs: "> 1", drop: "== 0"}
      - {map: policy.m, key: 5, offset: 8, size: 4, value: "<= 7", since: start})");
  ASSERT_THAT(step.expectations, SizeIs(6));
  const auto& device = std::get<DeviceCount>(step.expectations[0].counter);
  EXPECT_EQ(device.end, 1U);
  EXPECT_EQ(std::get<DeviceCounter>(device.counter), DeviceCounter::kTxPackets);
  EXPECT_EQ(to_string(step.expectations[0].comparison), ">= 3");
  EXPECT_EQ(step.expectations[0].since, 0U);
  EXPECT_EQ(std::get<DropReason>(std::get<DeviceCount>(step.expectations[1].counter).counter),
            DropReason::kVerdict);
  EXPECT_EQ(step.expectations[1].comparison.relation, Relation::kEqual);
  EXPECT_EQ(step.expectations[2].comparison.relation, Relation::kNotEqual);
  EXPECT_EQ(std::get<ProgramCount>(step.expectations[3].counter).counter, ProgramCounter::kRuns);
  const auto& map = std::get<MapCount>(step.expectations[5].counter);
  EXPECT_EQ(map.offset, 8U);
  EXPECT_EQ(map.size, 4U);
  EXPECT_FALSE(step.expectations[5].since);
}

TEST(Steps, ExpectationsMayCountFromAnEarlierStep) {
  const Topology topology = parsed(two_pods(R"(
steps:
  - {name: first, ping: {from: pod1, to: pod2}}
  - ping: {from: pod1, to: pod2}
  - expect: {device: nk1, tx_packets: 2, since: first}
)"));
  EXPECT_EQ(topology.steps[2].expectations[0].since, 0U);
  EXPECT_THAT(problem_of_step("expect: {device: nk1, tx_packets: 2}"), HasSubstr("since when to count"));
  EXPECT_THAT(problem_of_step("{name: me, expect: {device: nk1, tx_packets: 2, since: me}}"),
              HasSubstr("no earlier step is called 'me'"));
  EXPECT_THAT(problem_of(two_pods("steps: [{name: a, say: x}, {name: a, say: y}]")),
              HasSubstr("a step is called 'a' already"));
  EXPECT_THAT(problem_of_step("{name: start, say: x}"), HasSubstr("'start' means the beginning of the run"));
}

TEST(Steps, WrongExpectationsAreTold) {
  const auto expecting = [](std::string_view expect) {
    return problem_of_step("{ping: {from: pod1, to: pod2}, expect: " + std::string(expect) + "}");
  };
  EXPECT_THAT(expecting("{device: nk1, drops: {polcy: 1}}"),
              HasSubstr("no drop reason is called 'polcy'; did you mean 'policy'?"));
  EXPECT_THAT(expecting("{device: nk1, tx_packets: '=> 1'}"), HasSubstr("write a comparison, as \">= 1\""));
  EXPECT_THAT(expecting("{device: nk1, tx_packets: '>='}"), HasSubstr("write a comparison"));
  EXPECT_THAT(expecting("{tx_packets: 1}"), HasSubstr("needs 'device', 'program' or 'map'"));
  EXPECT_THAT(expecting("{program: policy.a, run: 1}"), HasSubstr("did you mean 'runs'?"));
  EXPECT_THAT(expecting("{map: policy.a, value: 1}"), HasSubstr("has no 'key'"));
}

TEST(Steps, AStepHasOneActionOrWords) {
  EXPECT_EQ(only_step("say: hello").say, "hello");
  EXPECT_THAT(problem_of_step("{wait: 1, ping: {from: pod1, to: pod2}}"),
              HasSubstr("a step has one action, this one has 'ping' and 'wait'"));
  EXPECT_THAT(problem_of_step("{}"), HasSubstr("does nothing"));
  EXPECT_THAT(problem_of_step("{pong: 1, say: x}"), HasSubstr("did you mean 'ping'?"));
}

TEST(Comparison, HoldsAsItsSignSays) {
  EXPECT_TRUE((Comparison{Relation::kEqual, 2}.holds(2)));
  EXPECT_FALSE((Comparison{Relation::kEqual, 2}.holds(3)));
  EXPECT_TRUE((Comparison{Relation::kNotEqual, 2}.holds(3)));
  EXPECT_TRUE((Comparison{Relation::kLess, 2}.holds(1)));
  EXPECT_FALSE((Comparison{Relation::kLess, 2}.holds(2)));
  EXPECT_TRUE((Comparison{Relation::kLessEqual, 2}.holds(2)));
  EXPECT_FALSE((Comparison{Relation::kGreater, 2}.holds(2)));
  EXPECT_TRUE((Comparison{Relation::kGreaterEqual, 2}.holds(2)));
}

TEST(Showing, ACommandAndAComparisonCannotBeShownInProcess) {
  EXPECT_EQ(showing_in_process(only_step("exec: {cmd: 'true'}")), Showing::kNotHere);
  EXPECT_EQ(showing_in_process(only_step("tcp: {from: pod1, to: pod2, baseline: veth}")), Showing::kNotHere);
  EXPECT_EQ(showing_in_process(only_step("ping: {from: pod1, to: pod2}")), Showing::kRecordedPackets);
  EXPECT_EQ(text_of(Showing::kLive), "shown live");
}

}  // namespace
}  // namespace netkit::topology
