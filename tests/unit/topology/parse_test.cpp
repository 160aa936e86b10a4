#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Parse, AnEmptyFileIsATopologyWithAHostOnly) {
  const Topology topology = parsed("");
  ASSERT_THAT(topology.namespaces, SizeIs(1));
  EXPECT_EQ(topology.namespaces[0].name, "host");
  EXPECT_TRUE(std::holds_alternative<MadeNamespace>(topology.namespaces[0].origin));
  EXPECT_EQ(topology.name, "t");
  EXPECT_EQ(topology.instruction_budget, std::uint64_t{1} << 28U);
  EXPECT_FALSE(topology.workers);
}

TEST(Parse, HostIsMadeUnlessTheFileSaysOtherwise) {
  EXPECT_TRUE(std::holds_alternative<MadeNamespace>(parsed("host: own").namespaces[0].origin));
  EXPECT_TRUE(std::holds_alternative<SelfNamespace>(parsed("host: self").namespaces[0].origin));
  const Topology named = parsed("host: {existing: lab}");
  EXPECT_EQ(std::get<NamedNamespace>(named.namespaces[0].origin).name, "lab");
  EXPECT_EQ(problem_of("host: selv"),
            "t.yaml:1: 'host' is 'selv'; it must be self, own; did you mean 'self'?");
}

TEST(Parse, NamespacesAreMadeOrExistByNamePathOrPid) {
  const Topology topology = parsed(R"(
namespaces:
  a:
  b: {existing: blue}
  c: {path: /proc/1/ns/net}
  d: {pid: 4242}
)");
  ASSERT_THAT(topology.namespaces, SizeIs(5));
  EXPECT_TRUE(std::holds_alternative<MadeNamespace>(topology.namespaces[1].origin));
  EXPECT_EQ(std::get<NamedNamespace>(topology.namespaces[2].origin).name, "blue");
  EXPECT_EQ(std::get<NamespacePath>(topology.namespaces[3].origin).path, "/proc/1/ns/net");
  EXPECT_EQ(std::get<NamespaceOfProcess>(topology.namespaces[4].origin).pid, 4242);
  EXPECT_EQ(problem_of("namespaces: {a: {existing: x, pid: 1}}"),
            "t.yaml:1: only one of 'existing', 'path' and 'pid' can say whose namespace it is");
  EXPECT_THAT(problem_of("namespaces: {a: {existing: ../x}}"),
              HasSubstr("'../x' is no name below /run/netns"));
  EXPECT_THAT(problem_of("namespaces: {host: }"), HasSubstr("'host' is the name of the host namespace"));
}

TEST(Parse, SysctlsComeFromAListAndGoOnlyIntoMadeNamespaces) {
  const Topology topology = parsed("namespaces: {a: {sysctls: {net.ipv4.conf.eth0.rp_filter: 0}}}");
  ASSERT_THAT(topology.namespaces[1].sysctls, SizeIs(1));
  EXPECT_EQ(topology.namespaces[1].sysctls[0].name, "net.ipv4.conf.eth0.rp_filter");
  EXPECT_EQ(topology.namespaces[1].sysctls[0].value, "0");
  EXPECT_EQ(problem_of("host: {sysctls: {net.ipv4.ip_forwrd: 1}}"),
            "t.yaml:1: sysctl 'net.ipv4.ip_forwrd' cannot be set here; did you mean 'net.ipv4.ip_forward'?");
  EXPECT_THAT(problem_of("host: {sysctls: {net.ipv4.conf.a/b.rp_filter: 1}}"),
              HasSubstr("cannot be set here"));
  EXPECT_THAT(problem_of("host: {sysctls: {kernel.core_pattern: x}}"), HasSubstr("cannot be set here"));
  EXPECT_THAT(problem_of("host: {existing: lab, sysctls: {net.ipv4.ip_forward: 1}}"),
              HasSubstr("only in namespaces that the run makes"));
}

TEST(Parse, APairHasTwoEndsWithEverythingTheyWereGiven) {
  const Topology topology = parsed(R"(
namespaces: {pod: }
pairs:
  nk1:
    mode: l2
    headroom: 32
    tailroom: 8
    netns: host
    name: lxc1
    policy: forward
    scrub: none
    mtu: 9000
    mac: 02:00:00:00:00:01
    queues: 4
    up: false
    addresses: 10.0.0.1/24
    neighbours:
      10.0.0.9: 02:00:00:00:00:09
    capture: nk1.pcap
    peer:
      name: eth0
      netns: pod
      policy: blackhole
      addresses: [10.0.0.2/24, "fd00::2/64"]
      routes:
        - {to: default, via: 10.0.0.1, metric: 100, mtu: 1400, src: 10.0.0.2}
)");
  ASSERT_THAT(topology.netkits, SizeIs(1));
  const Netkit& netkit = topology.netkits[0];
  EXPECT_EQ(netkit.mode, Mode::kL2);
  EXPECT_EQ(netkit.headroom, 32);
  EXPECT_EQ(netkit.tailroom, 8);
  const End& primary = topology.ends[netkit.primary];
  EXPECT_EQ(primary.label, "nk1");
  EXPECT_EQ(primary.ifname, "lxc1");
  EXPECT_EQ(primary.netns, kHostNamespace);
  EXPECT_EQ(primary.scrub, Scrub::kNone);
  EXPECT_EQ(primary.mtu, 9000U);
  EXPECT_EQ(primary.mac, parse_mac("02:00:00:00:00:01"));
  EXPECT_EQ(primary.queues, 4U);
  EXPECT_FALSE(primary.up);
  EXPECT_THAT(primary.addresses, ElementsAre(*parse_prefix("10.0.0.1/24")));
  ASSERT_THAT(primary.neighbours, SizeIs(1));
  EXPECT_EQ(primary.neighbours[0].lladdr, *parse_mac("02:00:00:00:00:09"));
  EXPECT_EQ(primary.capture, "nk1.pcap");
  ASSERT_TRUE(netkit.peer);
  const End& peer = topology.ends[*netkit.peer];
  EXPECT_EQ(peer.label, "nk1.peer");
  EXPECT_EQ(peer.ifname, "eth0");
  EXPECT_EQ(peer.netns, 1U);
  EXPECT_EQ(peer.policy, Policy::kBlackhole);
  EXPECT_EQ(peer.scrub, Scrub::kDefault);
  EXPECT_EQ(peer.mtu, 1500U);
  ASSERT_THAT(peer.routes, SizeIs(1));
  EXPECT_EQ(to_string(peer.routes[0].to), "0.0.0.0/0");
  EXPECT_EQ(peer.routes[0].via, parse_ip("10.0.0.1"));
  EXPECT_EQ(peer.routes[0].source, parse_ip("10.0.0.2"));
  EXPECT_EQ(peer.routes[0].metric, 100U);
  EXPECT_EQ(peer.routes[0].mtu, 1400U);
}

TEST(Parse, ADefaultRouteWithoutGatewayIsOnePerFamilyOfTheDevice) {
  const Topology topology = parsed(R"(
pairs: {nk1: {addresses: [10.0.0.1/32, "fd00::1/128"], routes: [{to: default}], peer: {name: eth0}}}
)");
  ASSERT_THAT(topology.ends[0].routes, SizeIs(2));
  EXPECT_EQ(to_string(topology.ends[0].routes[0].to), "0.0.0.0/0");
  EXPECT_EQ(to_string(topology.ends[0].routes[1].to), "::/0");
}

TEST(Parse, AGatewayMustBeReachable) {
  const auto with_route = [](std::string_view route) {
    return "pairs: {nk1: {addresses: [10.0.0.1/24], routes: [" + std::string(route) +
           "], peer: {name: eth0}}}";
  };
  EXPECT_EQ(problem_of(with_route("{to: default, via: 10.9.0.1}")),
            "t.yaml:1: gateway 10.9.0.1 is in no network of nk1; give the device an address in it or set "
            "onlink: true");
  EXPECT_EQ(problem_of(with_route("{to: default, via: 10.9.0.1, onlink: true}")), "no problem");
  EXPECT_EQ(problem_of(with_route("{to: 10.9.0.1/32}, {to: default, via: 10.9.0.1}")), "no problem");
  EXPECT_THAT(problem_of(with_route("{to: 'fd00::/64', via: 10.0.0.9}")), HasSubstr("of different families"));
  EXPECT_THAT(problem_of(with_route("{via: 10.0.0.9}")), HasSubstr("has no 'to'"));
}

TEST(Parse, ASingleDeviceHasNoPeer) {
  const Topology topology = parsed("devices: {solo: {kind: netkit, single: true, mode: l2}}");
  ASSERT_THAT(topology.netkits, SizeIs(1));
  EXPECT_FALSE(topology.netkits[0].peer);
  EXPECT_EQ(topology.ends[0].ifname, "solo");
  EXPECT_THAT(problem_of("devices: {solo: {kind: netkit}}"), HasSubstr("needs single: true"));
  EXPECT_EQ(problem_of("devices: {v: {kind: veth}}"), "t.yaml:1: 'kind' is 'veth'; it must be netkit");
  EXPECT_THAT(problem_of("devices: {solo: {kind: netkit, single: true, policy: forward}}"),
              HasSubstr("unknown key 'policy'"));
}

TEST(Parse, UnknownKeysAreToldWithTheNearestKnownOne) {
  EXPECT_EQ(problem_of("name: x\npears: {}\n"),
            "t.yaml:2: unknown key 'pears' in 'topology'; did you mean 'pairs'?");
  EXPECT_EQ(problem_of("pairs:\n  nk1:\n    polcy: forward\n    peer: {name: eth0}\n"),
            "t.yaml:3: unknown key 'polcy' in 'nk1'; did you mean 'policy'?");
  EXPECT_EQ(problem_of("host: {zzzzzzzz: 1}"),
            "t.yaml:1: unknown key 'zzzzzzzz' in 'host'; known here: existing, path, pid, sysctls");
}

TEST(Parse, DuplicateKeysAreTold) {
  EXPECT_EQ(problem_of("name: a\nworkers: 1\nname: b\n"),
            "t.yaml:3: 'name' stands twice, first in line 1; remove one");
  EXPECT_EQ(problem_of("namespaces:\n  a:\n  a:\n"),
            "t.yaml:3: 'a' stands twice, first in line 2; remove one");
}

TEST(Parse, WrongTypesAreToldWithWhatWasExpected) {
  EXPECT_EQ(problem_of("pairs: [1]"), "t.yaml:1: 'pairs' is a list; it must be a mapping (key: value)");
  EXPECT_EQ(problem_of("[1]"), "t.yaml:1: 'topology' is a list; it must be a mapping (key: value)");
  EXPECT_EQ(problem_of("workers: many"), "t.yaml:1: 'workers' is 'many'; it must be a number from 1 to 1024");
  EXPECT_EQ(problem_of("workers: {}"),
            "t.yaml:1: 'workers' is a mapping; it must be a number from 1 to 1024");
  EXPECT_EQ(problem_of("pairs: {nk1: {up: maybe, peer: {name: eth0}}}"),
            "t.yaml:1: 'up' is 'maybe'; it must be true or false");
  EXPECT_EQ(problem_of("pairs: {nk1: {addresses: [10.0.0.300/24], peer: {name: eth0}}}"),
            "t.yaml:1: 'addresses' is '10.0.0.300/24'; it must be an address with its prefix length, as "
            "10.0.1.2/24 "
            "or fd00::2/64");
  EXPECT_EQ(problem_of("pairs: {nk1: {mode: l4, peer: {name: eth0}}}"),
            "t.yaml:1: 'mode' is 'l4'; it must be l2, l3; did you mean 'l2'?");
}

TEST(Parse, DeviceRulesAreChecked) {
  const auto pair = [](std::string_view primary) {
    return "pairs: {nk1: {" + std::string(primary) + ", peer: {name: eth0}}}";
  };
  EXPECT_THAT(problem_of(pair("mtu: 67")), HasSubstr("'mtu' is '67'; it must be a number from 68 to 65535"));
  EXPECT_THAT(problem_of(pair("mtu: 65536")), HasSubstr("'65536'"));
  EXPECT_THAT(problem_of(pair("mac: 02:00:00:00:00:01")),
              HasSubstr("an L3 device has no MAC address of its own"));
  EXPECT_THAT(problem_of(pair("mode: l2, mac: 03:00:00:00:00:01")), HasSubstr("first byte must be even"));
  EXPECT_THAT(problem_of(pair("name: a-very-long-name-x")), HasSubstr("longer than 15 characters"));
  EXPECT_THAT(problem_of(pair("name: a/b")), HasSubstr("cannot name an interface"));
  EXPECT_THAT(problem_of(pair("name: nk%d")), HasSubstr("templates are not supported"));
  EXPECT_THAT(problem_of(pair("name: all")), HasSubstr("the kernel reserves it"));
  EXPECT_THAT(problem_of(pair("mtu: 1000, addresses: 'fd00::1/64'")),
              HasSubstr("IPv6 needs an MTU of at least 1280"));
  EXPECT_THAT(problem_of(pair("addresses: 224.0.0.1/4")), HasSubstr("no address of a host"));
  EXPECT_THAT(problem_of(pair("netns: pod9")), HasSubstr("no namespace is called 'pod9'"));
  EXPECT_THAT(problem_of(pair("neighbours: {x: 02:00:00:00:00:01}")), HasSubstr("'x' is no address"));
  EXPECT_THAT(problem_of("pairs: {nk1: }"), HasSubstr("'nk1' has no 'peer'"));
  EXPECT_THAT(problem_of("pairs: {nk1: {peer: {netns: host}}}"), HasSubstr("'peer' has no 'name'"));
  EXPECT_THAT(problem_of("pairs: {n.k: {peer: {name: a}}}"), HasSubstr("'n.k' is no name"));
}

TEST(Parse, NamesAndAddressesAreUniqueWhereTheyMustBe) {
  EXPECT_EQ(problem_of("pairs:\n  nk1: {peer: {name: eth0}}\n  nk2: {peer: {name: eth0}}\n"),
            "t.yaml:3: host has an interface 'eth0' already; choose another with 'name'");
  EXPECT_EQ(problem_of("pairs:\n  a: {addresses: 10.0.0.1/24, peer: {name: b, addresses: 10.0.0.1/8}}\n"),
            "t.yaml:2: host has the address 10.0.0.1 already; remove one");
  EXPECT_EQ(problem_of("namespaces: {a: }\npairs: {a: {peer: {name: b}}}"),
            "t.yaml:2: 'a' is the name of a namespace already; choose another");
  EXPECT_EQ(problem_of("pairs: {a: {peer: {name: b}}}\ndevices: {a: {kind: netkit, single: true}}"),
            "t.yaml:2: 'a' is the name of a device already; choose another");
}

TEST(Parse, AllProblemsAreToldInTheOrderOfTheFile) {
  const auto result = parse("steps: 5\nworkers: no\nhost: 7\n", "dir/t.yaml");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, EINVAL);
  EXPECT_EQ(result.error().text, "dir/t.yaml:1: a step is a mapping, as {ping: {from: pod1, to: pod2}}");
  EXPECT_EQ(result.error().details,
            "dir/t.yaml:2: 'workers' is 'no'; it must be a number from 1 to 1024\n"
            "dir/t.yaml:3: 'host' is '7'; it must be self, own\n");
}

TEST(Load, AFileThatCannotBeReadIsOneLine) {
  const auto missing = load("/nonexistent/t.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_EQ(missing.error().text, "/nonexistent/t.yaml: cannot read the topology: No such file or directory");
  const auto directory = load("/tmp");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, EISDIR);
}

TEST(Locate, GivesAMessageItsPlace) {
  Topology topology;
  topology.file = "t.yaml";
  EXPECT_EQ(locate(topology, {7, 1}, {EEXIST, "nk1: the name is taken", {}}).text,
            "t.yaml:7: nk1: the name is taken");
  EXPECT_EQ(locate(topology, {7, 1}, {EEXIST, {}, {}}).text, "t.yaml:7: EEXIST");
}

}  // namespace
}  // namespace netkit::topology
