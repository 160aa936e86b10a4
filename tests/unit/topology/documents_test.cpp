// Every YAML block of docs/topology.md and every file in examples/ is a topology that parses.
#include <fstream>
#include <sstream>

#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using testing::IsEmpty;
using testing::Not;

const std::filesystem::path kSource = NETKIT_SOURCE_DIR;

struct Block {
  std::size_t line = 0;  // of the document
  std::string text;
};

std::vector<Block> yaml_blocks(const std::filesystem::path& document) {
  std::ifstream stream(document);
  std::vector<Block> blocks;
  bool inside = false;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (!inside && line == "```yaml") {
      blocks.push_back({number, {}});
      inside = true;
    } else if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back().text += line + '\n';
    }
  }
  return blocks;
}

TEST(Documents, EveryExampleInTheTopologyDocumentParses) {
  const auto blocks = yaml_blocks(kSource / "docs/topology.md");
  EXPECT_THAT(blocks, Not(IsEmpty()));
  for (const Block& block : blocks) {
    const auto topology = parse(block.text, "docs/topology.md");
    EXPECT_TRUE(topology) << "block in line " << block.line << ": " << topology.error().text << '\n'
                          << topology.error().details;
  }
}

TEST(Documents, EveryDropReasonIsInTheDocument) {
  std::stringstream text;
  text << std::ifstream(kSource / "docs/topology.md").rdbuf();
  for (std::size_t i = 1; i < kDropReasons; ++i) {
    const auto [name, meaning] = describe(static_cast<DropReason>(i));
    const std::string row = "| `" + std::string(name) + "` | " + std::string(meaning) + " |";
    EXPECT_NE(text.str().find(row), std::string::npos) << "docs/topology.md lacks the row\n" << row;
  }
}

TEST(Documents, EveryExampleFileParses) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSource / "examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto topology = load(entry.path());
    EXPECT_TRUE(topology) << topology.error().text << '\n' << topology.error().details;
    ++count;
  }
  EXPECT_GE(count, 1U);
}

}  // namespace
}  // namespace netkit::topology
