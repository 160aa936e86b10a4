#include "bpf/object/program_slots.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::bpf {
namespace {

constexpr std::string_view kTailTag = "tail:";

// Decimal, 0x hexadecimal or 0 octal, as sscanf's %i of iproute2.
std::optional<std::uint32_t> number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.starts_with('0')) {
    base = 8;
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "<left>/<slot>".
std::optional<std::pair<std::string_view, std::uint32_t>> split_slot(std::string_view text) {
  const auto slash = text.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  const auto slot = number(text.substr(slash + 1));
  if (!slot) return std::nullopt;
  return std::pair(text.substr(0, slash), *slot);
}

class SlotFinder {
 public:
  SlotFinder(const ObjectFile& object, const LinkedMaps& maps, const LinkedObject& linked)
      : object_(object), contents_(object.contents()), maps_(maps), linked_(linked) {}

  Result<std::vector<ProgramSlot>> find() {
    add_initialised();
    for (const ObjectFunction& function : contents_.functions) {
      if (!function.program || linked_.find_program(function.name) == nullptr) continue;
      add_section_name(function);
      TRY(add_tags(function));
    }
    return std::move(slots_);
  }

 private:
  void add(std::size_t map, std::uint32_t slot, std::string_view program) {
    slots_.push_back({.map = maps_.entries[map].linked.map, .slot = slot, .program = std::string(program)});
  }

  void add_initialised() {
    for (std::size_t i = 0; i < contents_.maps.size(); ++i)
      for (const InitialValue& value : contents_.maps[i].values)
        if (const auto* function = std::get_if<FunctionTarget>(&value.target))
          add(i, value.slot, contents_.functions[function->function].name);
  }

  // The first program of a section "<map id>/<slot>"; other names with a slash mean nothing (tc/ingress).
  void add_section_name(const ObjectFunction& function) {
    const auto place = split_slot(contents_.code[function.section].name);
    const auto id = place ? number(place->first) : std::nullopt;
    if (!id || function.first != 0) return;
    for (std::size_t i = 0; i < contents_.maps.size(); ++i)
      if (contents_.maps[i].id == *id && contents_.maps[i].spec.type == MapType::kProgArray)
        return add(i, place->second, function.name);
  }

  Result<> add_tags(const ObjectFunction& function) {
    for (const std::string_view tag : function.tags) {
      if (!tag.starts_with(kTailTag)) continue;
      const auto place = split_slot(tag.substr(kTailTag.size()));
      if (!place) return refuse(function, tag, "is not of the form tail:<map>/<slot>");
      const auto map = std::ranges::find_if(contents_.maps, [&](const MapDefinition& candidate) {
        return candidate.spec.name == place->first;
      });
      if (map == contents_.maps.end() || map->spec.type != MapType::kProgArray)
        return refuse(function, tag, "names no prog array of the object");
      const auto index = static_cast<std::size_t>(map - contents_.maps.begin());
      const std::uint32_t slots = maps_.entries[index].linked.map->spec().max_entries;
      if (place->second >= slots)
        return refuse(function, tag, fmt::format("names a slot of a map that has {}", slots));
      add(index, place->second, function.name);
    }
    return {};
  }

  Failure refuse(const ObjectFunction& function, std::string_view tag, std::string_view why) const {
    return fail(EINVAL,
                fmt::format("{}: section '{}', function '{}': declaration tag '{}' {}; correct or remove it",
                            object_.name(), contents_.code[function.section].name, function.name, tag, why));
  }

  const ObjectFile& object_;
  const ObjectContents& contents_;
  const LinkedMaps& maps_;
  const LinkedObject& linked_;
  std::vector<ProgramSlot> slots_;
};

}  // namespace

Result<std::vector<ProgramSlot>> program_slots(const ObjectFile& object, const LinkedMaps& maps,
                                               const LinkedObject& linked) {
  return SlotFinder(object, maps, linked).find();
}

}  // namespace netkit::bpf
