#include <gmock/gmock.h>

#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

const FakeMap& data_map(const LinkedObject& linked, std::string_view section) {
  return dynamic_cast<const FakeMap&>(*linked.find_map(section));
}

std::uint32_t offset_of(const ObjectFile& object, std::string_view variable) {
  const Variable* found = object.find_variable(variable);
  EXPECT_NE(found, nullptr) << variable;
  return found == nullptr ? 0 : found->offset;
}

class Data : public EveryCompiler {};
NETKIT_FOR_EVERY_COMPILER(Data);

TEST_P(Data, SectionsBecomeArraysNamedAsLibbpfDoes) {
  const LinkedObject linked = link_all(open("data"));
  for (const auto& [section, name, flags] :
       {std::tuple(".rodata", "data-cla.rodata", kMmapable | kRdonlyProg),
        std::tuple(".data", "data-cla.data", std::uint32_t{kMmapable}),
        std::tuple(".bss", "data-cla.bss", std::uint32_t{kMmapable}),
        std::tuple(".data.scratch", ".data.scratch", std::uint32_t{kMmapable}),
        std::tuple(".rodata.ports", ".rodata.ports", kMmapable | kRdonlyProg)}) {
    const MapRef map = linked.find_map(section);
    ASSERT_NE(map, nullptr) << section;
    std::string expected(name);
    std::ranges::replace(expected, '-', '_');
    EXPECT_EQ(map->spec().name, expected);
    EXPECT_EQ(linked.find_map(expected), map);
    EXPECT_EQ(map->spec().type, MapType::kArray);
    EXPECT_EQ(map->spec().key_size, 4U);
    EXPECT_EQ(map->spec().max_entries, 1U);
    EXPECT_EQ(map->spec().flags, flags) << section;
  }
}

TEST_P(Data, HasTheInitialValuesOfTheSource) {
  const ObjectFile object = open("data");
  const LinkedObject linked = link_all(object);
  const FakeMap& constants = data_map(linked, ".rodata");
  EXPECT_EQ(constants.at<std::uint32_t>(offset_of(object, "pod_ifindex")), 5U);
  EXPECT_EQ(constants.at<std::uint32_t>(offset_of(object, "mode")), 2U);
  EXPECT_EQ(constants.at<std::uint64_t>(offset_of(object, "wide")), 0x1122334455667788U);
  EXPECT_TRUE(constants.frozen());
  EXPECT_EQ(data_map(linked, ".data").at<std::uint32_t>(offset_of(object, "counter")), 100U);
  EXPECT_EQ(data_map(linked, ".data").at<std::uint32_t>(offset_of(object, "hidden") + 8), 3U);
  EXPECT_FALSE(data_map(linked, ".data").frozen());
  EXPECT_EQ(data_map(linked, ".data.scratch").at<std::uint8_t>(0), 9U);
  EXPECT_EQ(data_map(linked, ".rodata.ports").at<std::uint16_t>(0), 443U);
  EXPECT_TRUE(data_map(linked, ".bss").value().empty()) << "zero memory needs no write";
}

TEST_P(Data, VariablesAreFoundByNameWithSizeAndKind) {
  const ObjectFile object = open("data");
  for (const auto& [name, size, number] :
       {std::tuple("pod_ifindex", 4U, true), std::tuple("strict", 1U, true), std::tuple("mode", 4U, true),
        std::tuple("wide", 8U, true), std::tuple("limits", 4U, false), std::tuple("hidden", 16U, false),
        std::tuple("seen", 8U, true), std::tuple("uses_data.calls", 4U, true),
        std::tuple("port", 2U, true)}) {
    const Variable* variable = object.find_variable(name);
    ASSERT_NE(variable, nullptr) << name;
    EXPECT_EQ(variable->size, size) << name;
    EXPECT_EQ(variable->number, number) << name;
  }
  EXPECT_EQ(object.find_variable("pod"), nullptr);
}

TEST_P(Data, VariablesAreSetBeforeLoad) {
  const ObjectFile object = open("data");
  LinkOptions options = with_fake_maps();
  options.variables["pod_ifindex"] = 42;
  options.variables["strict"] = 1;
  options.variables["wide"] = -1;
  options.variables["limits"] = std::vector{std::byte{1}, std::byte{0}, std::byte{2}, std::byte{0}};
  options.variables["seen"] = 7;
  options.variables["port"] = 0xffff;
  const LinkedObject linked = link_all(object, options);
  const FakeMap& constants = data_map(linked, ".rodata");
  EXPECT_EQ(constants.at<std::uint32_t>(offset_of(object, "pod_ifindex")), 42U);
  EXPECT_EQ(constants.at<std::uint8_t>(offset_of(object, "strict")), 1U);
  EXPECT_EQ(constants.at<std::uint64_t>(offset_of(object, "wide")), ~0ULL);
  EXPECT_EQ(constants.at<std::uint32_t>(offset_of(object, "limits")), 0x00020001U);
  EXPECT_EQ(constants.at<std::uint32_t>(offset_of(object, "mode")), 2U) << "others keep their value";
  EXPECT_EQ(data_map(linked, ".bss").at<std::uint64_t>(offset_of(object, "seen")), 7U);
  EXPECT_EQ(data_map(linked, ".rodata.ports").at<std::uint16_t>(0), 0xffffU);
}

TEST_P(Data, ValuesThatDoNotFitAVariableAreRefused) {
  const ObjectFile object = open("data");
  const auto text_with = [&](const char* name, VariableValue value) {
    LinkOptions options = with_fake_maps();
    options.variables[name] = std::move(value);
    const auto linked = link(object, options);
    return linked ? std::string("linked") : linked.error().text;
  };
  EXPECT_THAT(text_with("port", 65536), HasSubstr("variable 'port': 65536 does not fit in 2 bytes"));
  EXPECT_THAT(text_with("port", -32769), HasSubstr("variable 'port': -32769 does not fit in 2 bytes"));
  EXPECT_EQ(text_with("port", -32768), "linked");
  EXPECT_THAT(text_with("limits", 3), HasSubstr("variable 'limits' of 4 bytes is no number; give its bytes"));
  EXPECT_THAT(text_with("wide", std::vector<std::byte>(3)),
              HasSubstr("variable 'wide' has 8 bytes, 3 were given"));
  EXPECT_THAT(text_with("ifindex", 3), HasSubstr("no variable 'ifindex' in a data section"));
}

TEST_P(Data, SectionsCanBeEnlarged) {
  LinkOptions options = with_fake_maps();
  options.map_overrides[".data.scratch"] = {.value_size = 64};
  const LinkedObject linked = link_all(open("data"), options);
  EXPECT_EQ(linked.find_map(".data.scratch")->spec().value_size, 64U);
  EXPECT_EQ(data_map(linked, ".data.scratch").value().size(), 64U);
  options.map_overrides[".data.scratch"] = {.value_size = 8};
  EXPECT_THAT(link(open("data"), options).error().text,
              HasSubstr("needs a value size of at least 16 bytes, not 8"));
}

TEST_P(Data, TakenOverKeepsItsContent) {
  const ObjectFile object = open("data");
  LinkOptions options = with_fake_maps();
  options.variables["counter"] = 1;
  const LinkedObject before = link_all(object, options);
  options.reuse[".data"] = before.find_map(".data");
  options.variables["counter"] = 2;
  const LinkedObject after = link_all(object, options);
  EXPECT_EQ(data_map(after, ".data").at<std::uint32_t>(offset_of(object, "counter")), 1U);
}

TEST_P(Data, IsAddressedByMapAndOffset) {
  const ObjectFile object = open("data");
  const auto program = link_one(object, "uses_data");
  std::vector<std::string> used;
  for (std::size_t at = 0; at < program->insns.size(); ++at) {
    const Insn& insn = program->insns[at];
    if (insn.opcode != kLdImm64 || insn.src != kMapValue) continue;
    const std::string& map = program->maps.at(static_cast<std::size_t>(insn.imm))->spec().name;
    const auto offset = static_cast<std::uint32_t>(program->insns.at(at + 1).imm);
    for (const Variable& variable : object.contents().variables)
      if (object.contents().data[variable.section].map_name == map && offset >= variable.offset &&
          offset < variable.offset + variable.size)
        used.emplace_back(variable.name);
  }
  for (const char* name :
       {"uses_data.calls", "seen", "counter", "pod_ifindex", "hidden", "scratch", "strict", "mode", "wide"})
    EXPECT_THAT(used, testing::Contains(name));
}

}  // namespace
}  // namespace netkit::bpf
