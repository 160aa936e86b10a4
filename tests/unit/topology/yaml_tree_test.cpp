#include "topology/yaml_tree.h"

#include <gtest/gtest.h>

namespace netkit::topology {
namespace {

YamlError error_of(std::string_view text) {
  const auto tree = read_yaml(text);
  return tree ? YamlError{{0, 0}, "no error"} : tree.error();
}

TEST(YamlTree, EveryNodeKnowsItsPlace) {
  const auto tree = read_yaml("a: 1\nb:\n  - x\n  - {c: 'y'}\n");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->kind, NodeKind::kMapping);
  EXPECT_EQ(tree->entries[0].where.line, 1U);
  EXPECT_EQ(tree->find("b")->items[0].where.line, 3U);
  const Node& c = *tree->find("b")->items[1].find("c");
  EXPECT_EQ(c.where.line, 4U);
  EXPECT_EQ(c.where.column, 9U);
  EXPECT_TRUE(c.quoted);
  EXPECT_EQ(tree->find("nothing"), nullptr);
}

TEST(YamlTree, EmptyTextAndNullsAreNulls) {
  EXPECT_EQ(read_yaml("")->kind, NodeKind::kNull);
  EXPECT_EQ(read_yaml("a:")->find("a")->kind, NodeKind::kNull);
  EXPECT_EQ(read_yaml("a: ~")->find("a")->kind, NodeKind::kNull);
  EXPECT_EQ(read_yaml("a: null")->find("a")->kind, NodeKind::kNull);
  EXPECT_EQ(read_yaml("a: 'null'")->find("a")->kind, NodeKind::kScalar);
}

TEST(YamlTree, DuplicateKeysAreStillThere) {
  EXPECT_EQ(read_yaml("a: 1\na: 2\n")->entries.size(), 2U);
}

TEST(YamlTree, WhatATopologyHasNoUseForIsRefusedWithItsLine) {
  EXPECT_EQ(error_of("a: &x 1\nb: *x\n").text, "anchors (&name) are not supported; write the value out");
  EXPECT_EQ(error_of("a: !!int 1\n").text, "tags (!name) are not supported; remove it");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n").text, "a second YAML document; one file is one topology");
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n").where.line, 3U);
  EXPECT_EQ(error_of("a: 1\n? [b]\n: 2\n").text, "a key is a list; keys are text");
  EXPECT_EQ(error_of("a: 1\n? [b]\n: 2\n").where.line, 2U);
  EXPECT_EQ(error_of(std::string_view("a: 1\nb\0c", 8)).text, "a zero byte; this is no YAML text");
}

TEST(YamlTree, BrokenYamlIsOneLineWithItsPlace) {
  const YamlError error = error_of("a: 1\nb: [1, 2\nc: 3\n");
  EXPECT_EQ(error.text.substr(0, 16), "not valid YAML: ");
  EXPECT_GE(error.where.line, 2U);
}

TEST(YamlTree, DeepNestingIsRefused) {
  EXPECT_EQ(error_of(std::string(1000, '[')).text, "nested deeper than 32 levels; flatten it");
  EXPECT_EQ(error_of(std::string(100'000, '[')).text, "nested deeper than 32 levels; flatten it");
}

TEST(YamlTree, TooManyValuesAreRefused) {
  std::string text = "[";
  for (std::size_t i = 0; i <= kMaxNodes; ++i) text += "1,";
  EXPECT_EQ(error_of(text + "]").text, "more than 200000 values; split the topology");
}

}  // namespace
}  // namespace netkit::topology
