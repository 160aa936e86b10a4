// docs/helpers.md lists exactly the helpers that there are.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include "bpf/helper/families.h"
#include "tests/support/markdown.h"

namespace netkit::testing {
namespace {

// The family of a helper is the file that has it.
struct Family {
  std::string_view name;
  std::span<const bpf::Helper> (*helpers)();
};
constexpr Family kFamilies[] = {
    {"maps", bpf::map_helpers},
    {"tail_call", bpf::tail_call_helpers},
    {"clock", bpf::clock_helpers},
    {"machine", bpf::machine_helpers},
    {"print", bpf::print_helpers},
    {"loop", bpf::loop_helpers},
    {"packet_bytes", bpf::packet_bytes_helpers},
    {"packet_shape", bpf::packet_shape_helpers},
    {"packet_room", bpf::packet_room_helpers},
    {"packet_meta", bpf::packet_meta_helpers},
    {"vlan", bpf::vlan_helpers},
    {"checksum", bpf::checksum_helpers},
    {"redirect", bpf::redirect_helpers},
};

std::string_view family_of(const bpf::Helper& helper) {
  for (const Family& family : kFamilies)
    for (const bpf::Helper& member : family.helpers())
      if (member.number == helper.number) return family.name;
  return "none";
}

TEST(HelperList, NamesExactlyTheHelpersThatThereAreByNumber) {
  std::vector<std::string> expected, listed;
  for (const bpf::Helper* helper : bpf::all_helpers())
    expected.push_back(fmt::format("{} bpf_{} {}", helper->number, helper->name, family_of(*helper)));
  const MarkdownTable table = read_markdown_table("docs/helpers.md", "The list");
  ASSERT_FALSE(table.empty());
  EXPECT_THAT(table.front(), ::testing::ElementsAre("number", "name", "family", "notes"));
  for (const auto& row : std::span(table).subspan(1)) {
    ASSERT_EQ(row.size(), 4U);
    listed.push_back(fmt::format("{} {} {}", row[0], row[1], row[2]));
  }
  EXPECT_EQ(listed, expected);
}

}  // namespace
}  // namespace netkit::testing
