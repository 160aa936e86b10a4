#include "topology/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <spanstream>

namespace netkit::topology {
namespace {

Where position(const YAML::Mark& mark) {
  if (mark.is_null()) return {1, 1};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

// Stops yaml-cpp in the middle of its events; never leaves this file.
struct Refused {
  YamlError error;
};

[[noreturn]] void refuse(Where where, std::string text) {
  throw Refused{{where, std::move(text)}};
}

// Builds the tree from the events. Finished nodes go into the innermost open collection.
class TreeBuilder final : public YAML::EventHandler {
 public:
  Node take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    finish(start(mark, "", anchor, NodeKind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(position(mark), "aliases (*name) are not supported; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // yaml-cpp gives quoted and block scalars the tag "!", plain ones "?".
    Node node = start(mark, tag == "!" ? "" : tag, anchor, NodeKind::kScalar);
    node.text = value;
    node.quoted = tag == "!";
    if (!node.quoted && (value == "~" || value == "null")) node.kind = NodeKind::kNull;
    finish(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(start(mark, tag, anchor, NodeKind::kSequence));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(start(mark, tag, anchor, NodeKind::kMapping));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    std::optional<NodeEntry> key;  // of a mapping: waits for its value
  };

  Node start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, NodeKind kind) {
    const Where where = position(mark);
    if (anchor != YAML::NullAnchor) refuse(where, "anchors (&name) are not supported; write the value out");
    if (!tag.empty() && tag != "?") refuse(where, "tags (!name) are not supported; remove it");
    if (++nodes_ > kMaxNodes)
      refuse(where, "more than " + std::to_string(kMaxNodes) + " values; split the topology");
    return Node{.kind = kind, .where = where, .text = {}, .quoted = false, .items = {}, .entries = {}};
  }

  void open(Node node) {
    if (open_.size() == kMaxDepth)
      refuse(node.where, "nested deeper than " + std::to_string(kMaxDepth) + " levels; flatten it");
    open_.push_back(Open{std::move(node), std::nullopt});
  }

  void close() {
    Node node = std::move(open_.back().node);
    open_.pop_back();
    finish(std::move(node));
  }

  void finish(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& [collection, key] = open_.back();
    if (collection.kind == NodeKind::kSequence) {
      collection.items.push_back(std::move(node));
    } else if (!key) {
      if (node.kind != NodeKind::kScalar)
        refuse(node.where, "a key is " + std::string(word_for(node.kind)) + "; keys are text");
      key = NodeEntry{std::move(node.text), node.where, {}};
    } else {
      key->value = std::move(node);
      collection.entries.push_back(*std::exchange(key, std::nullopt));
    }
  }

  Node root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto found = std::ranges::find(entries, key, &NodeEntry::key);
  return found == entries.end() ? nullptr : &found->value;
}

std::string_view word_for(NodeKind kind) {
  switch (kind) {
    case NodeKind::kNull:
      return "empty";
    case NodeKind::kScalar:
      return "text";
    case NodeKind::kSequence:
      return "a list";
    case NodeKind::kMapping:
      return "a mapping";
  }
  return "";
}

std::expected<Node, YamlError> read_yaml(std::string_view text) {
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    const auto line = std::ranges::count(text.substr(0, zero), '\n') + 1;
    return std::unexpected(
        YamlError{{static_cast<std::uint32_t>(line), 1}, "a zero byte; this is no YAML text"});
  }
  try {
    std::ispanstream stream(text);
    YAML::Parser parser(stream);
    TreeBuilder first;
    if (!parser.HandleNextDocument(first))
      return Node{
          .kind = NodeKind::kNull, .where = {1, 1}, .text = {}, .quoted = false, .items = {}, .entries = {}};
    TreeBuilder second;
    if (parser.HandleNextDocument(second))
      return std::unexpected(
          YamlError{second.take().where, "a second YAML document; one file is one topology"});
    return first.take();
  } catch (const Refused& refused) {
    return std::unexpected(refused.error);
  } catch (const YAML::Exception& exception) {
    return std::unexpected(YamlError{position(exception.mark), "not valid YAML: " + exception.msg});
  } catch (const std::exception& exception) {
    return std::unexpected(YamlError{{1, 1}, std::string("not valid YAML: ") + exception.what()});
  }
}

}  // namespace netkit::topology
