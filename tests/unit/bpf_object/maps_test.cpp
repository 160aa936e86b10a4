#include <gmock/gmock.h>

#include "base/per_cpu.h"
#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

constexpr std::string_view kLongName = "flows_of_the_whole_node_by_address";

const MapDefinition& definition(const ObjectFile& object, std::string_view name) {
  static const MapDefinition kNone;
  const auto found =
      std::ranges::find_if(object.contents().maps, [&](const auto& map) { return map.spec.name == name; });
  if (found != object.contents().maps.end()) return *found;
  ADD_FAILURE() << "no map " << name;
  return kNone;
}

// The maps that ld_imm64 instructions of a program name, in their order.
std::vector<std::string> named_maps(const ProgramImage& image) {
  std::vector<std::string> found;
  for (const Insn& insn : image.insns)
    if (insn.opcode == kLdImm64 && insn.src == kMapFd)
      found.push_back(image.maps.at(static_cast<std::size_t>(insn.imm))->spec().name);
  return found;
}

class Maps : public EveryCompiler {};
NETKIT_FOR_EVERY_COMPILER(Maps);

TEST_P(Maps, HaveEveryMemberOfTheirDefinition) {
  const ObjectFile object = open("maps");
  const MapDefinition& flows = definition(object, kLongName);
  EXPECT_EQ(flows.spec.type, MapType::kHash);
  EXPECT_EQ(flows.spec.key_size, 6U);
  EXPECT_EQ(flows.spec.value_size, 16U);
  EXPECT_EQ(flows.spec.max_entries, 1024U);
  EXPECT_EQ(flows.spec.flags, kNoPrealloc);
  EXPECT_EQ(flows.pinning, 1U);
  EXPECT_NE(flows.key_type_id, 0U);
  EXPECT_NE(flows.value_type_id, 0U);

  const MapDefinition& routes = definition(object, "routes");
  EXPECT_EQ(routes.spec.type, MapType::kLpmTrie);
  EXPECT_EQ(routes.spec.key_size, 8U);
  EXPECT_EQ(routes.spec.value_size, 4U);
  EXPECT_EQ(routes.key_type_id, 0U);

  EXPECT_EQ(definition(object, "counters").spec.key_size, 4U);
  EXPECT_EQ(definition(object, "counters").spec.value_size, 8U);
}

TEST_P(Maps, HaveDefaultsForWhatTheirTypeImplies) {
  const ObjectFile object = open("map_forms");
  const MapSpec& events = definition(object, "events").spec;
  EXPECT_EQ(events.key_size, 4U);
  EXPECT_EQ(events.value_size, 4U);
  EXPECT_EQ(events.max_entries, possible_cpus());
  EXPECT_EQ(definition(object, "ring").spec.max_entries, 8192U);
  EXPECT_EQ(definition(object, "bloom").spec.extra, 3U);
  EXPECT_EQ(definition(object, "bloom").spec.key_size, 0U);
}

TEST_P(Maps, KeepPinningNumbersOfOtherLoaders) {
  const ObjectFile object = open("map_forms");
  EXPECT_EQ(definition(object, "private_pinning").pinning, 100U);
  EXPECT_EQ(definition(object, "private_pinning").numa_node, 1U);
  const LinkedObject linked = link_all(object);
  const auto map = std::ranges::find(linked.maps, "private_pinning", &LinkedMap::name);
  ASSERT_NE(map, linked.maps.end());
  EXPECT_EQ(map->pinning, 100U);
}

TEST_P(Maps, OfMapsKnowTheirTemplateAndInitialMaps) {
  const ObjectFile object = open("map_forms");
  const MapDefinition& outer = definition(object, "outer");
  ASSERT_TRUE(outer.inner);
  EXPECT_EQ(outer.inner->type, MapType::kArray);
  EXPECT_EQ(outer.inner->max_entries, 2U);
  EXPECT_EQ(outer.inner->value_size, 8U);
  ASSERT_EQ(outer.values.size(), 1U);
  EXPECT_EQ(outer.values[0].slot, 1U);
  const auto* first = std::get_if<MapTarget>(&outer.values[0].target);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(object.contents().maps[first->map].spec.name, "first_inner");
}

TEST_P(Maps, OfProgramsTellTheirInitialSlots) {
  const LinkedObject linked = link_all(open("maps"));
  ASSERT_EQ(linked.program_slots.size(), 2U);
  EXPECT_EQ(linked.program_slots[0].map, linked.find_map("jumps"));
  EXPECT_EQ(linked.program_slots[0].slot, 1U);
  EXPECT_EQ(linked.program_slots[0].program, "next_program");
  EXPECT_EQ(linked.program_slots[1].slot, 3U);
  EXPECT_EQ(linked.program_slots[1].program, "entry");
}

TEST_P(Maps, AreCreatedWithTheirFullNamesAndNamedByPrograms) {
  const LinkedObject linked = link_all(open("maps"));
  ASSERT_NE(linked.find_map(kLongName), nullptr);
  EXPECT_EQ(linked.find_map(kLongName)->spec().name, kLongName);
  EXPECT_THAT(named_maps(*linked.find_program("entry")),
              testing::ElementsAre(std::string(kLongName), "counters", "routes", "jumps"));
  EXPECT_TRUE(linked.find_program("next_program")->maps.empty());
}

TEST_P(Maps, TakeSizesFromTheCaller) {
  LinkOptions options = with_fake_maps();
  options.map_overrides["counters"] = {.max_entries = 77, .value_size = 32};
  const LinkedObject linked = link_all(open("maps"), options);
  EXPECT_EQ(linked.find_map("counters")->spec().max_entries, 77U);
  EXPECT_EQ(linked.find_map("counters")->spec().value_size, 32U);
}

TEST_P(Maps, AreTakenOverWhenTheyFit) {
  const ObjectFile object = open("maps");
  LinkOptions options = with_fake_maps();
  const LinkedObject before = link_all(object, options);
  options.reuse["routes"] = before.find_map("routes");
  const LinkedObject after = link_all(object, options);
  EXPECT_EQ(after.find_map("routes"), before.find_map("routes"));
  EXPECT_NE(after.find_map("counters"), before.find_map("counters"));

  options.map_overrides["routes"] = {.max_entries = 5};
  const auto unfit = link(object, options);
  ASSERT_FALSE(unfit);
  EXPECT_EQ(unfit.error().code, EINVAL);
  EXPECT_THAT(unfit.error().text,
              HasSubstr("map 'routes' cannot be reused: its max_entries is 16, the object wants 5"));
}

TEST_P(Maps, OfUnknownNamesAreRefusedWithTheNamesThereAre) {
  LinkOptions options = with_fake_maps();
  options.map_overrides["route"] = {.max_entries = 5};
  const auto linked = link(open("maps"), options);
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().code, ENOENT);
  EXPECT_THAT(linked.error().text,
              testing::AllOf(HasSubstr("no map 'route'; the object has '"), HasSubstr("'routes'")));
}

TEST_P(Maps, ThatCannotBeCreatedAreNamedWithTheReason) {
  LinkOptions options = with_fake_maps();
  options.create = [](const MapSpec& spec) -> Result<MapRef> {
    if (spec.name == "routes") return fail(EINVAL, "type lpm_trie is not supported");
    return make_fake_map(spec);
  };
  const auto linked = link(open("maps"), options);
  ASSERT_FALSE(linked);
  EXPECT_THAT(linked.error().text,
              HasSubstr("section '.maps', map 'routes': type lpm_trie is not supported (EINVAL)"));
}

}  // namespace
}  // namespace netkit::bpf
