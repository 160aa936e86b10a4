// Sections `objects`, `maps` and `attach`.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

Object read_object(const Scope& scope, const Value& value) {
  Object object{.name = value.name(), .file = {}, .variables = {}, .map_sizes = {}, .where = value.where()};
  if (value.is(NodeKind::kScalar)) {
    object.file = value.text().value_or("");
    return object;
  }
  const Mapping mapping = value.mapping();
  mapping.allow({"file", "set", "max_entries"});
  if (const auto file = mapping.require("file")) object.file = file->text().value_or("");
  if (const auto variables = mapping.get("set"))
    for (const Value& variable : variables->mapping().values())
      if (auto datum = read_datum(scope, variable))
        object.variables.push_back({variable.name(), *std::move(datum)});
  if (const auto sizes = mapping.get("max_entries"))
    for (const Value& size : sizes->mapping().values())
      if (const auto entries = size.number(1, 0xffff'ffff))
        object.map_sizes.push_back({size.name(), static_cast<std::uint32_t>(*entries), size.where()});
  return object;
}

std::optional<MapEntry> read_entry(const Scope& scope, const Value& key, const std::optional<Value>& value,
                                   bool may_delete) {
  const bool deletes = !value || value->is(NodeKind::kNull);
  if (deletes && !may_delete) {
    key.report("an entry needs a value; add one");
    return std::nullopt;
  }
  auto key_datum = read_datum(scope, key);
  if (!key_datum) return std::nullopt;
  MapEntry entry{.key = *std::move(key_datum), .value = std::nullopt, .where = key.where()};
  if (deletes) return entry;
  entry.value = read_datum(scope, *value);
  return entry.value ? std::optional(std::move(entry)) : std::nullopt;
}

// Either KEY: VALUE, for keys that are one word, or a list of {key: ..., value: ...}.
std::vector<MapEntry> read_entries(const Scope& scope, const Value& value, bool may_delete) {
  std::vector<MapEntry> entries;
  const auto add = [&](const Value& key, const std::optional<Value>& content) {
    if (auto entry = read_entry(scope, key, content, may_delete)) entries.push_back(*std::move(entry));
  };
  if (value.is(NodeKind::kSequence)) {
    for (const Value& item : value.list()) {
      const Mapping mapping = item.mapping();
      mapping.allow({"key", "value"});
      if (const auto key = mapping.require("key")) add(*key, mapping.get("value"));
    }
    return entries;
  }
  for (const Value& item : value.mapping().values()) {
    Node key;
    key.kind = NodeKind::kScalar;
    key.where = item.where();
    key.text = item.name();
    add(Value(key, "key", value.problems()), item);
  }
  return entries;
}

Placement tail(ObjectMember program) {
  return {.program = std::move(program), .anchor = Anchor::kTail, .relative = std::nullopt};
}

std::optional<Placement> read_placement(const Scope& scope, const Value& value) {
  if (value.is(NodeKind::kScalar)) {
    const auto program = scope.member(value);
    return program ? std::optional(tail(*program)) : std::nullopt;
  }
  const Mapping mapping = value.mapping();
  mapping.allow({"program", "at", "before", "after", "replace"});
  const auto named = mapping.require("program");
  const auto program = named ? scope.member(*named) : std::nullopt;
  if (!program) return std::nullopt;
  Placement placement = tail(*program);
  if (std::ranges::count_if(std::array{"at", "before", "after", "replace"},
                            [&](const char* key) { return mapping.has(key); }) > 1) {
    value.report("only one of 'at', 'before', 'after' and 'replace' can say where the program goes");
    return std::nullopt;
  }
  constexpr Word<Anchor> kEnds[] = {{"head", Anchor::kHead}, {"tail", Anchor::kTail}};
  mapping.read("at", placement.anchor, kEnds);
  constexpr Word<Anchor> kRelative[] = {
      {"before", Anchor::kBefore}, {"after", Anchor::kAfter}, {"replace", Anchor::kReplace}};
  for (const auto& [key, anchor] : kRelative) {
    const auto other = mapping.get(key);
    if (!other) continue;
    placement.anchor = anchor;
    placement.relative = scope.member(*other);
    if (!placement.relative) return std::nullopt;
  }
  return placement;
}

// DEVICE: [program, ...]
template <class ReadProgram>
std::vector<Attachment> read_program_lists(const Scope& scope, const Value& value,
                                           const ReadProgram& read_program) {
  std::vector<Attachment> attachments;
  for (const Value& list : value.mapping().values()) {
    const auto end = scope.find_end(list.name());
    if (!end) scope.report_unknown_device(list);
    Attachment attachment{.end = end.value_or(0), .programs = {}, .where = list.where()};
    for (const Value& item : list.list())
      if (auto placement = read_program(item)) attachment.programs.push_back(*std::move(placement));
    if (end) attachments.push_back(std::move(attachment));
  }
  return attachments;
}

}  // namespace

std::vector<MapContents> read_maps(const Scope& scope, const Value& value, bool may_delete) {
  std::vector<MapContents> maps;
  for (const Value& contents : value.mapping().values())
    if (auto map = scope.member(contents.name(), contents))
      maps.push_back({*std::move(map), read_entries(scope, contents, may_delete)});
  return maps;
}

std::vector<Attachment> read_attachments(const Scope& scope, const Value& value) {
  return read_program_lists(scope, value, [&](const Value& item) { return read_placement(scope, item); });
}

std::vector<Attachment> read_detachments(const Scope& scope, const Value& value) {
  return read_program_lists(scope, value, [&](const Value& item) {
    const auto program = scope.member(item);
    return program ? std::optional(tail(*program)) : std::nullopt;
  });
}

void read_objects(Scope& scope, const Mapping& root) {
  if (const auto objects = root.get("objects"))
    for (const Value& object : objects->mapping().values()) scope.add_object(read_object(scope, object));
  if (const auto maps = root.get("maps")) scope.topology().maps = read_maps(scope, *maps, false);
  if (const auto attach = root.get("attach")) scope.topology().attachments = read_attachments(scope, *attach);
}

}  // namespace netkit::topology
