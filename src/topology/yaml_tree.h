// A YAML document as a plain tree in which every node knows its line. yaml-cpp reads the text and is seen
// nowhere else; what a topology has no use for (anchors, tags, several documents, keys that are not text) is
// refused here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "topology/reference.h"

namespace netkit::topology {

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMapping };

struct NodeEntry;

struct Node {
  NodeKind kind = NodeKind::kNull;
  Where where;
  std::string text;                // kScalar
  bool quoted = false;             // kScalar: it is text, even if it looks like a number
  std::vector<Node> items;         // kSequence
  std::vector<NodeEntry> entries;  // kMapping, in the order of the file; duplicates are still there

  // The value of a key (the first one), or null.
  [[nodiscard]] const Node* find(std::string_view key) const;
};

struct NodeEntry {
  std::string key;
  Where where;
  Node value;
};

inline constexpr std::size_t kMaxDepth = 32;
inline constexpr std::size_t kMaxNodes = 200'000;

// What is wrong with the text, and where.
struct YamlError {
  Where where;
  std::string text;
};

[[nodiscard]] std::expected<Node, YamlError> read_yaml(std::string_view text);

// "null", "text", "a list", "a mapping": for messages.
[[nodiscard]] std::string_view word_for(NodeKind kind);

}  // namespace netkit::topology
