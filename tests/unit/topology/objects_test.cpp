#include <fstream>

#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kUses = R"(
objects:
  policy:
    file: policy.o
    set: {limit: {u32: 5}}
    max_entries: {conns: 1000}
  other: other.o
maps:
  policy.conns: {1: {program: policy.tail}}
attach:
  nk1: [policy.from_pod, other.whatever]
pairs: {nk1: {peer: {name: eth0}}}
steps:
  - {wait: 1, expect: {program: policy.from_pod, runs: 1}}
)";

TEST(Objects, HaveAFileVariablesAndMapSizes) {
  const Topology topology = parsed(kUses);
  ASSERT_THAT(topology.objects, SizeIs(2));
  EXPECT_EQ(topology.objects[0].file, "policy.o");
  EXPECT_EQ(topology.objects[0].variables[0].name, "limit");
  EXPECT_EQ(topology.objects[0].map_sizes[0].map, "conns");
  EXPECT_EQ(topology.objects[0].map_sizes[0].max_entries, 1000U);
  EXPECT_EQ(topology.objects[1].file, "other.o");
  EXPECT_THAT(problem_of("objects: {p: {set: {a: 1}}}"), HasSubstr("'p' has no 'file'"));
}

TEST(CheckObject, AcceptsWhatTheObjectHas) {
  const Topology topology = parsed(kUses);
  EXPECT_TRUE(check_object(topology, 0, {{"from_pod", "tail"}, {"conns"}, {"limit"}}));
  EXPECT_TRUE(check_object(topology, 1, {{"whatever"}, {}, {}}));
}

TEST(CheckObject, TellsEveryNameThatTheObjectLacksWithItsLine) {
  const auto result = check_object(parsed(kUses), 0, {{"from_pods"}, {"conn"}, {}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().text, "t.yaml:5: policy.o has no variable 'limit'; correct the name");
  EXPECT_THAT(result.error().details,
              HasSubstr("t.yaml:6: policy.o has no map 'conns'; did you mean 'conn'?"));
  EXPECT_THAT(result.error().details,
              HasSubstr("t.yaml:9: policy.o has no program 'tail'; correct the name"));
  EXPECT_THAT(result.error().details,
              HasSubstr("t.yaml:11: policy.o has no program 'from_pod'; did you mean 'from_pods'?"));
}

TEST(FindObjectFile, LooksBesideTheTopologyThenInTheShareDirectory) {
  const std::filesystem::path directory = testing::TempDir() + "netkit-find-object";
  std::filesystem::create_directories(directory / "share");
  std::ofstream(directory / "share" / "policy.o") << "x";
  Topology topology = parsed(kUses);
  topology.file = directory / "t.yaml";
  EXPECT_EQ(find_file(topology, topology.objects[0].file, topology.objects[0].where, directory / "share"),
            directory / "share" / "policy.o");
  std::ofstream(directory / "policy.o") << "x";
  EXPECT_EQ(find_file(topology, topology.objects[0].file, topology.objects[0].where, directory / "share"),
            directory / "policy.o");
  const auto missing =
      find_file(topology, topology.objects[1].file, topology.objects[1].where, directory / "share");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ENOENT);
  EXPECT_THAT(missing.error().text, HasSubstr("t.yaml:7: no file at "));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace netkit::topology
