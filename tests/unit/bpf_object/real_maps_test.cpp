// The same with maps as create_map makes them.
#include <gmock/gmock.h>

#include "bpf/map/tables.h"
#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

class RealMaps : public EveryCompiler {};
NETKIT_FOR_EVERY_COMPILER(RealMaps);

TEST_P(RealMaps, HoldGlobalDataThatProgramsAddress) {
  const ObjectFile object = open("data");
  LinkOptions options;
  options.variables["pod_ifindex"] = 42;
  const LinkedObject linked = link_all(object, options);
  const MapRef constants = linked.find_map(".rodata");
  ASSERT_NE(constants, nullptr);
  const Region region = constants->direct_value();
  ASSERT_GE(region.size, object.contents().data[object.find_variable("pod_ifindex")->section].size);
  std::uint32_t value = 0;
  std::memcpy(&value,
              reinterpret_cast<const std::byte*>(region.base) + object.find_variable("pod_ifindex")->offset,
              sizeof value);
  EXPECT_EQ(value, 42U);
  EXPECT_FALSE(region.writable);
  EXPECT_TRUE(constants->frozen());
  EXPECT_TRUE(linked.find_map(".bss")->direct_value().writable);
}

TEST_P(RealMaps, LiveAsLongAsAProgramNamesThem) {
  const ObjectFile object = open("data");
  std::uint32_t id = 0;
  {
    LinkedObject linked = link_all(object, {});
    id = linked.find_map(".data")->id();
    const auto program = linked.find_program("uses_data");
    linked = {};
    EXPECT_NE(MapTable::instance().find(id), nullptr);
  }
  EXPECT_EQ(MapTable::instance().find(id), nullptr);
}

TEST_P(RealMaps, OfAFailedLinkAreGone) {
  const ObjectFile object = open("data");
  const std::vector<std::uint32_t> before = MapTable::instance().ids();
  LinkOptions options;
  options.variables["port"] = 70000;
  EXPECT_FALSE(link(object, options));
  EXPECT_EQ(MapTable::instance().ids(), before);
}

TEST(RealMapsOfExamples, AreAllSupported) {
  for (const char* name : {"pod_policy", "drop_all"}) {
    const auto object =
        ObjectFile::read(std::string(NETKIT_BINARY_DIR "/bpf/").append(name).append(".bpf.o"));
    ASSERT_TRUE(object) << describe(object.error());
    const auto linked = link(*object);
    ASSERT_TRUE(linked) << describe(linked.error());
    EXPECT_FALSE(linked->programs.empty()) << name;
  }
}

}  // namespace
}  // namespace netkit::bpf
