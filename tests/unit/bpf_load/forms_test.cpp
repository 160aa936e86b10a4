// Objects in all the forms that loaders in use accept.
#include <map>

#include "tests/unit/bpf_load/running.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

std::uint64_t value_at(const MapRef& map, std::uint32_t key) {
  std::uint64_t value = 0;
  EXPECT_TRUE(map->read(std::as_bytes(std::span(&key, 1)), std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

class LegacyMaps : public RunsPrograms {};

TEST_F(LegacyMaps, AreCreatedFromTheirValues) {
  const LoadedObject loaded = load("legacy_maps");
  const MapSpec& counters = loaded.find_map("counters")->spec();
  EXPECT_EQ(counters.type, MapType::kHash);
  EXPECT_EQ(counters.value_size, 8U);
  EXPECT_EQ(counters.max_entries, 16U);
  EXPECT_EQ(loaded.find_map("events")->spec().key_size, 4U) << "sizes that objects leave out";
  run_one(loaded, "entry");
  run_one(loaded, "entry");
  EXPECT_EQ(value_at(loaded.find_map("counters"), 0), 2U);
}

TEST_F(LegacyMaps, SectionNamesFillSlots) {
  const LoadedObject loaded = load("legacy_maps");
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 7), 7);
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 16), 16) << "0x1/0x10";
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 1), 2) << "map 9 is not there: its section fills nothing";
}

TEST_F(LegacyMaps, HoldMapsByTheIdOfTheInnerOne) {
  const LoadedObject loaded = load("legacy_maps");
  EXPECT_EQ(run_one(loaded, "from_row"), 5);
  EXPECT_EQ(value_at(loaded.find_map("row"), 1), 5U);
}

TEST_F(LegacyMaps, VariablesBecomeMapsWhenTheCallerHasOne) {
  const LoadedObject first = load("legacy_maps");
  run_one(first, "entry");
  const auto without = load("legacy_maps", only({"shared"}));
  EXPECT_EQ(run_one(without, "shared"), kDrop);
  EXPECT_THAT(run.fault.text, HasSubstr("is not a map"));

  LinkOptions options = only({"shared"});
  options.reuse["shared_with_others"] = first.find_map("counters");
  const std::uint32_t key = 3;
  const std::uint64_t value = 12;
  ASSERT_TRUE(first.find_map("counters")
                  ->write(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&value, 1)), kAny));
  EXPECT_EQ(run_one(load("legacy_maps", options), "shared"), 12);
}

class Tags : public RunsPrograms {};

TEST_F(Tags, AreKept) {
  const auto file = ObjectFile::read(object("tags"));
  ASSERT_TRUE(file);
  std::vector<std::string_view> texts;
  for (const DeclarationTag& tag : file->contents().tags) texts.push_back(tag.text);
  EXPECT_THAT(texts,
              testing::UnorderedElementsAre("kind:config", "tail:calls/11", "tail:calls/0x20", "other"));
  EXPECT_THAT(file->find_program("tail_other")->tags,
              testing::UnorderedElementsAre("tail:calls/0x20", "other"));
  EXPECT_FALSE(file->find_program("tail_other")->global);
}

TEST_F(Tags, FillSlotsOfProgArrays) {
  const LoadedObject loaded = load("tags");
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 11), 11);
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 32), 32);
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 12), 3);
}

TEST_F(Tags, OfProgramsThatAreNotLoadedFillNothing) {
  const LoadedObject loaded = load("tags", only({"entry"}));
  EXPECT_EQ(run_one(loaded, "entry", tcp(), 11), 3);
}

TEST_F(Tags, NeedASlotThatIsThere) {
  LinkOptions options;
  options.map_overrides["calls"] = {.max_entries = 20};
  const auto loaded = load_object(object("tags"), options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  EXPECT_THAT(loaded.error().text, HasSubstr("section 'tc/tail', function 'tail_other': declaration tag "
                                             "'tail:calls/0x20' names a slot of a map that has 20"));
}

class MixedObject : public RunsPrograms {};

TEST_F(MixedObject, ProgramsOfOtherHooksAreLeftOutAndSharedMapsAreThere) {
  const LoadedObject loaded = load("tags");
  EXPECT_EQ(loaded.find_program("trace"), nullptr);
  EXPECT_EQ(loaded.find_program("stack_user"), nullptr) << "section ?tc: only when asked for";
  EXPECT_NE(loaded.find_map("pinned"), nullptr);
}

TEST_F(MixedObject, MapsOfTypesThatAreNotHereMatterToProgramsThatUseThem) {
  const auto loaded = load_object(object("tags"), only({"stack_user"}));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  EXPECT_THAT(loaded.error().text,
              testing::AllOf(HasSubstr("function 'stack_user'"), HasSubstr("tags.bpf.c:"),
                             HasSubstr("it uses map 'stacks'"), HasSubstr("stack_trace")));
}

class Rules : public RunsPrograms {};

TEST_F(Rules, ProgramsOfDifferentAttachTypesDoNotShareAProgArray) {
  LinkOptions options = only({"entry", "tail_eleven"});
  options.program_overrides["entry"] = {.expected_attach_type = AttachType::kNetkitPrimary};
  options.program_overrides["tail_eleven"] = {.expected_attach_type = AttachType::kNetkitPrimary};
  EXPECT_EQ(run_one(load("tags", options), "entry", tcp(), 11), 11);
  options.program_overrides["tail_eleven"] = {.expected_attach_type = AttachType::kTcxIngress};
  const auto mixed = load_object(object("tags"), options);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().code, EINVAL);
}

TEST_F(Rules, AnObjectWithoutLicenseIsNotGplCompatible) {
  const auto loaded = load_object(object("no_license"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  EXPECT_THAT(loaded.error().text,
              HasSubstr("cannot call GPL-restricted function bpf_probe_read_kernel#113"));
  EXPECT_EQ(run_one(load("no_license", only({"unrestricted"})), "unrestricted"), 1);
}

class MapsInMaps : public RunsPrograms {};

TEST_F(MapsInMaps, HaveTheirTemplateAndTheirInitialMaps) {
  const LoadedObject loaded = load("tags");
  EXPECT_EQ(run_one(loaded, "nested"), 5);
  EXPECT_EQ(value_at(loaded.find_map("first_inner"), 0), 5U);
  ASSERT_NE(loaded.find_map("by_number")->spec().inner, nullptr);
  EXPECT_EQ(loaded.find_map("by_number")->spec().inner->value_size, 8U);
}

// ---- pins ----

class Pins : public RunsPrograms {
 protected:
  Pins() {
    options.pins = MapPins{.wanted = {},
                           .find = [this](std::string_view name) -> Result<MapRef> {
                             const auto found = pinned.find(name);
                             return found == pinned.end() ? nullptr : found->second;
                           },
                           .add = [this](std::string_view name, const MapRef& map) -> Result<> {
                             if (refuse) return fail(EPERM, "no room");
                             pinned.emplace(name, map);
                             return {};
                           },
                           .remove = [this](std::string_view name) { pinned.erase(std::string(name)); }};
  }
  std::map<std::string, MapRef, std::less<>> pinned;
  LinkOptions options;
  bool refuse = false;
};

TEST_F(Pins, ByNameAreSharedByObjects) {
  const LoadedObject first = load("tags", options);
  ASSERT_EQ(pinned.size(), 1U);
  EXPECT_EQ(run_one(first, "count"), 0);
  const LoadedObject second = load("tags", options);
  EXPECT_EQ(run_one(second, "count"), 2);
  EXPECT_EQ(second.find_map("pinned")->id(), first.find_map("pinned")->id());
  EXPECT_NE(second.find_map("first_inner")->id(), first.find_map("first_inner")->id());
}

TEST_F(Pins, MustFit) {
  const LoadedObject first = load("tags", options);
  options.map_overrides["pinned"] = {.max_entries = 5};
  const auto second = load_object(object("tags"), options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EINVAL);
  EXPECT_THAT(
      second.error().text,
      HasSubstr("the map pinned as 'pinned' cannot be reused: its max_entries is 4, the object wants 5"));
}

TEST_F(Pins, ThatFailLeaveNothing) {
  refuse = true;
  const auto loaded = load_object(object("tags"), options);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().text, HasSubstr("map 'pinned' cannot be pinned: no room (EPERM)"));
  EXPECT_TRUE(pinned.empty());
}

TEST_F(Pins, OfOtherNumbersAreTheCallersAffair) {
  const LoadedObject plain = load("legacy_maps", options);
  EXPECT_TRUE(pinned.empty()) << "pinning 2 says nothing to us";
  options.pins->wanted = [](std::uint32_t pinning) { return pinning == 2; };
  const LoadedObject theirs = load("legacy_maps", options);
  EXPECT_TRUE(pinned.contains("counters"));
}

}  // namespace
}  // namespace netkit::bpf
