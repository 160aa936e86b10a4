// Typed reading of the tree. A reader notes every problem and goes on with a harmless value, so that one look
// at the file tells all that is wrong with it, and the functions that build the topology are free of error
// handling.
#pragma once

#include <chrono>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/text.h"
#include "topology/yaml_tree.h"

namespace netkit::topology {

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  // `text`: what, and after a semicolon the remedy.
  void report(Where where, std::string_view text);
  [[nodiscard]] bool empty() const { return lines_.empty(); }
  // The first in the order of the file is the text, the further ones are the details. There is at least one.
  [[nodiscard]] Error error();

 private:
  struct Line {
    std::size_t number;  // in the order of reporting
    Where where;
    std::string text;
  };
  std::string file_;
  std::vector<Line> lines_;
};

// A word of a closed set and what it stands for.
template <class T>
struct Word {
  std::string_view word;
  T value;
};

class Mapping;

// One value of the file, and where problems with it go.
class Value {
 public:
  // `name`: what it is called in messages ("mtu").
  Value(const Node& node, std::string_view name, Problems& problems)
      : Value(node, name, node.where, problems) {}
  // The value of a key: problems are told where the key stands.
  Value(const Node& node, std::string_view name, Where where, Problems& problems)
      : node_(&node), name_(name), where_(where), problems_(&problems) {}

  [[nodiscard]] Where where() const { return where_; }
  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] NodeKind kind() const { return node_->kind; }
  [[nodiscard]] bool is(NodeKind kind) const { return node_->kind == kind; }
  [[nodiscard]] const std::string& name() const { return name_; }
  void report(std::string_view text) const { problems_->report(where(), text); }
  [[nodiscard]] Problems& problems() const { return *problems_; }

  // Each notes a problem and yields nothing when the value is not of the kind.
  [[nodiscard]] std::optional<std::string> text() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::uint64_t min, std::uint64_t max) const;
  [[nodiscard]] std::optional<double> fraction(double min, double max) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> seconds() const;  // "2", "0.5"
  [[nodiscard]] std::optional<IpAddress> ip() const;
  [[nodiscard]] std::optional<IpPrefix> prefix() const;
  [[nodiscard]] std::optional<MacAddress> mac() const;
  // The items of a list; a single value is a list of one, nothing an empty one.
  [[nodiscard]] std::vector<Value> list() const;
  // The entries of a mapping; nothing is an empty one.
  [[nodiscard]] Mapping mapping() const;

  template <class T, std::size_t N>
  [[nodiscard]] std::optional<T> word(const Word<T> (&words)[N]) const {
    const auto written = text();
    if (!written) return std::nullopt;
    std::vector<std::string_view> known;
    for (const Word<T>& word : words) {
      if (word.word == *written) return word.value;
      known.push_back(word.word);
    }
    report_unknown_word(*written, known);
    return std::nullopt;
  }

 private:
  [[nodiscard]] const std::string* scalar(std::string_view wanted) const;
  void report_unknown_word(std::string_view written, std::span<const std::string_view> known) const;

  const Node* node_;
  std::string name_;
  Where where_;
  Problems* problems_;
};

// A mapping, whose duplicate keys have been noted.
class Mapping {
 public:
  explicit Mapping(const Value& value);

  [[nodiscard]] Where where() const { return where_; }
  [[nodiscard]] Problems& problems() const { return *problems_; }
  // Notes each key that is none of these.
  void allow(std::initializer_list<std::string_view> keys) const;
  [[nodiscard]] bool has(std::string_view key) const { return node_->find(key) != nullptr; }
  [[nodiscard]] std::optional<Value> get(std::string_view key) const;
  // As get; notes that it is missing.
  [[nodiscard]] std::optional<Value> require(std::string_view key) const;
  // All entries, with the key as the value's name; of duplicates the first.
  [[nodiscard]] std::vector<Value> values() const;
  // Where a key stands; where the mapping begins when it is absent.
  [[nodiscard]] Where where_of(std::string_view key) const;

  // get and convert; the target keeps its value when the key is absent or wrong.
  void read(std::string_view key, bool& into) const;
  void read(std::string_view key, std::string& into) const;
  void read(std::string_view key, std::chrono::milliseconds& into) const;
  template <std::unsigned_integral T>
    requires(!std::same_as<T, bool>)
  void read(std::string_view key, T& into, std::uint64_t min, std::uint64_t max) const {
    if (const auto value = get(key))
      if (const auto number = value->number(min, max)) into = static_cast<T>(*number);
  }
  template <std::unsigned_integral T>
  void read(std::string_view key, std::optional<T>& into, std::uint64_t min, std::uint64_t max) const {
    if (const auto value = get(key))
      if (const auto number = value->number(min, max)) into = static_cast<T>(*number);
  }
  template <class T, std::size_t N>
  void read(std::string_view key, T& into, const Word<T> (&words)[N]) const {
    if (const auto value = get(key))
      if (const auto found = value->word(words)) into = *found;
  }

 private:
  const Node* node_;
  std::string name_;
  Where where_;
  Problems* problems_;
};

}  // namespace netkit::topology
