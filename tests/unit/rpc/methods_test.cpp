// The tables of methods, and docs/api.md, which describes each of them.
#include "control/rpc/methods.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/rpc/fixture.h"

namespace netkit::rpc {
namespace {

std::string api_document() {
  std::ifstream file(NETKIT_SOURCE_DIR "/docs/api.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Methods, NoNameStandsTwice) {
  std::set<std::string_view> names;
  for (const auto family : method_families()) {
    for (const Method& method : family) EXPECT_TRUE(names.insert(method.name).second) << method.name;
  }
}

// What the document says of a method: its own section, and the introduction of the chapter.
std::string words_about(const std::string& document, std::string_view method) {
  const std::size_t at = document.find("### `" + std::string(method) + "`\n");
  if (at == std::string::npos) return {};
  const std::size_t chapter = document.rfind("\n## ", at);
  return document.substr(chapter, document.find("\n### ", chapter) - chapter) +
         document.substr(at, document.find("\n### ", at) - at);
}

TEST(Methods, TheDocumentDescribesEachWithItsParameters) {
  const std::string document = api_document();
  for (const auto family : method_families()) {
    for (const Method& method : family) {
      const std::string words = words_about(document, method.name);
      ASSERT_FALSE(words.empty()) << method.name;
      for (const std::string_view key : keys_of(method)) {
        EXPECT_NE(words.find("`" + std::string(key) + "`"), std::string::npos) << method.name << " " << key;
      }
    }
  }
}

// No method is confused by anything that stands in its parameters.
TEST_F(RpcTest, EveryMethodAnswersWhateverItsParametersAre) {
  add_pair();
  const Json values[] = {nullptr,
                         true,
                         -1,
                         0,
                         3,
                         4294967296,
                         "x",
                         "",
                         Json::array(),
                         {"x", 1},
                         {{"passed", 0}},
                         {{"name", "host"}},
                         {{"header", 1}},
                         std::string(5000, 'f')};
  for (const auto family : method_families()) {
    for (const Method& method : family) {
      for (const Json& value : values) {
        Json params = Json::object();
        for (const std::string_view key : keys_of(method)) params[std::string(key)] = value;
        const Json answer = call(std::string(method.name), params);
        EXPECT_TRUE(answer.contains("result") != answer.contains("error")) << answer;
      }
    }
  }
}

}  // namespace
}  // namespace netkit::rpc
