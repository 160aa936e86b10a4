#include "topology/reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace netkit::topology {

void Problems::report(Where where, std::string_view text) {
  lines_.push_back({lines_.size(), where, std::string(text)});
}

Error Problems::error() {
  constexpr std::size_t kShown = 20;
  std::ranges::sort(lines_, {}, [](const Line& line) {
    return std::tuple(line.where.line, line.where.column, line.number);
  });
  Error error{.code = EINVAL, .text = {}, .details = {}};
  for (std::size_t i = 0; i < std::min(lines_.size(), kShown); ++i) {
    const std::string line = fmt::format("{}:{}: {}", file_, lines_[i].where.line, lines_[i].text);
    if (i == 0) {
      error.text = line;
    } else {
      error.details += line + '\n';
    }
  }
  if (lines_.size() > kShown) error.details += fmt::format("{} more problems\n", lines_.size() - kShown);
  return error;
}

const std::string* Value::scalar(std::string_view wanted) const {
  if (node_->kind == NodeKind::kScalar) return &node_->text;
  report(fmt::format("'{}' is {}; it must be {}", name_, word_for(node_->kind), wanted));
  return nullptr;
}

void Value::report_unknown_word(std::string_view written, std::span<const std::string_view> known) const {
  const std::string hint = did_you_mean(written, known);
  report(fmt::format("'{}' is {}; it must be {}{}", name_, quote(written), fmt::join(known, ", "), hint));
}

std::optional<std::string> Value::text() const {
  const std::string* written = scalar("text");
  if (written == nullptr) return std::nullopt;
  if (written->empty()) {
    report(fmt::format("'{}' is empty; give it a value or remove it", name_));
    return std::nullopt;
  }
  return *written;
}

std::optional<bool> Value::boolean() const {
  const std::string* written = scalar("true or false");
  if (written == nullptr) return std::nullopt;
  for (const std::string_view yes : {"true", "yes", "on"})
    if (*written == yes) return true;
  for (const std::string_view no : {"false", "no", "off"})
    if (*written == no) return false;
  report(fmt::format("'{}' is {}; it must be true or false", name_, quote(*written)));
  return std::nullopt;
}

std::optional<std::uint64_t> Value::number(std::uint64_t min, std::uint64_t max) const {
  const std::string range = max == std::numeric_limits<std::uint64_t>::max()
                                ? fmt::format("a number of at least {}", min)
                                : fmt::format("a number from {} to {}", min, max);
  const std::string* written = scalar(range);
  if (written == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(written->data(), written->data() + written->size(), number);
  if (written->empty() || error != std::errc{} || end != written->data() + written->size() || number < min ||
      number > max) {
    report(fmt::format("'{}' is {}; it must be {}", name_, quote(*written), range));
    return std::nullopt;
  }
  return number;
}

std::optional<double> Value::fraction(double min, double max) const {
  const std::string range = fmt::format("a number from {} to {}", min, max);
  const std::string* written = scalar(range);
  if (written == nullptr) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(written->data(), written->data() + written->size(), number);
  if (written->empty() || error != std::errc{} || end != written->data() + written->size() ||
      !(number >= min && number <= max)) {
    report(fmt::format("'{}' is {}; it must be {}", name_, quote(*written), range));
    return std::nullopt;
  }
  return number;
}

std::optional<std::chrono::milliseconds> Value::seconds() const {
  constexpr double kLongest = 86'400;
  const auto number = fraction(0.001, kLongest);
  if (!number) return std::nullopt;
  return std::chrono::milliseconds(std::llround(*number * 1000));
}

std::optional<IpAddress> Value::ip() const {
  const std::string* written = scalar("an IPv4 or IPv6 address");
  if (written == nullptr) return std::nullopt;
  const auto address = parse_ip(*written);
  if (!address) report(fmt::format("'{}' is {}; it must be an IPv4 or IPv6 address", name_, quote(*written)));
  return address;
}

std::optional<IpPrefix> Value::prefix() const {
  const std::string* written = scalar("an address with its prefix length, as 10.0.1.2/24");
  if (written == nullptr) return std::nullopt;
  const auto prefix = parse_prefix(*written);
  if (!prefix)
    report(
        fmt::format("'{}' is {}; it must be an address with its prefix length, as 10.0.1.2/24 or fd00::2/64",
                    name_, quote(*written)));
  return prefix;
}

std::optional<MacAddress> Value::mac() const {
  const std::string* written = scalar("a MAC address");
  if (written == nullptr) return std::nullopt;
  const auto mac = parse_mac(*written);
  if (!mac)
    report(fmt::format("'{}' is {}; it must be a MAC address, as 02:00:00:00:00:01", name_, quote(*written)));
  return mac;
}

std::vector<Value> Value::list() const {
  if (is(NodeKind::kNull)) return {};
  if (!is(NodeKind::kSequence)) return {*this};
  std::vector<Value> values;
  for (const Node& item : node_->items) values.emplace_back(item, name_, *problems_);
  return values;
}

Mapping Value::mapping() const {
  return Mapping(*this);
}

Mapping::Mapping(const Value& value)
    : node_(&value.node()), name_(value.name()), where_(value.where()), problems_(&value.problems()) {
  if (!value.is(NodeKind::kMapping) && !value.is(NodeKind::kNull)) {
    value.report(fmt::format("'{}' is {}; it must be a mapping (key: value)", name_, word_for(value.kind())));
  }
  std::map<std::string_view, Where> seen;
  for (const NodeEntry& entry : node_->entries) {
    const auto [first, fresh] = seen.emplace(entry.key, entry.where);
    if (fresh) continue;
    problems_->report(entry.where, fmt::format("{} stands twice, first in line {}; remove one",
                                               quote(entry.key), first->second.line));
  }
}

void Mapping::allow(std::initializer_list<std::string_view> keys) const {
  for (const NodeEntry& entry : node_->entries) {
    if (std::ranges::find(keys, entry.key) != keys.end()) continue;
    const std::string hint = did_you_mean(entry.key, keys);
    problems_->report(
        entry.where,
        fmt::format("unknown key {} in '{}'{}", quote(entry.key), name_,
                    hint.empty() ? fmt::format("; known here: {}", fmt::join(keys, ", ")) : hint));
  }
}

std::optional<Value> Mapping::get(std::string_view key) const {
  const auto found = std::ranges::find(node_->entries, key, &NodeEntry::key);
  if (found == node_->entries.end()) return std::nullopt;
  return Value(found->value, key, found->where, *problems_);
}

std::optional<Value> Mapping::require(std::string_view key) const {
  auto value = get(key);
  if (!value) problems_->report(where(), fmt::format("'{}' has no '{}'; add it", name_, key));
  return value;
}

std::vector<Value> Mapping::values() const {
  std::vector<Value> values;
  std::set<std::string_view> seen;
  for (const NodeEntry& entry : node_->entries)
    if (seen.insert(entry.key).second) values.emplace_back(entry.value, entry.key, entry.where, *problems_);
  return values;
}

Where Mapping::where_of(std::string_view key) const {
  const auto found = std::ranges::find(node_->entries, key, &NodeEntry::key);
  return found == node_->entries.end() ? where() : found->where;
}

void Mapping::read(std::string_view key, bool& into) const {
  if (const auto value = get(key)) into = value->boolean().value_or(into);
}

void Mapping::read(std::string_view key, std::string& into) const {
  if (const auto value = get(key))
    if (auto written = value->text()) into = *std::move(written);
}

void Mapping::read(std::string_view key, std::chrono::milliseconds& into) const {
  if (const auto value = get(key)) into = value->seconds().value_or(into);
}

}  // namespace netkit::topology
