#include "bpf/object/link_maps.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace netkit::bpf {
namespace {

// The entry of an options table for a map: by its name, or by the name of its data section.
template <class Table>
auto find_option(const Table& table, std::string_view name, std::string_view section) {
  const auto found = table.find(name);
  return found != table.end() || section.empty() ? found : table.find(section);
}

class MapLinker {
 public:
  MapLinker(const ObjectFile& object, const LinkOptions& options) : object_(object), options_(options) {}

  Result<std::vector<LinkedMap>> link() {
    TRY(check_variables());
    for (const MapDefinition& definition : object_.contents().maps) TRY(link_defined(definition));
    for (std::uint32_t i = 0; i < object_.contents().data.size(); ++i) TRY(link_data(i));
    TRY(check_names(options_.map_overrides));
    TRY(check_names(options_.reuse));
    return std::move(linked_);
  }

 private:
  template <class... Args>
  Failure refuse(int code, fmt::format_string<Args...> format, Args&&... args) const {
    return fail(code,
                fmt::format("{}: {}", object_.name(), fmt::format(format, std::forward<Args>(args)...)));
  }

  Result<> check_variables() const {
    for (const auto& [name, value] : options_.variables)
      if (object_.find_variable(name) == nullptr)
        return refuse(ENOENT, "no variable '{}' in a data section; declare it `volatile const` at file scope",
                      name);
    return {};
  }

  // Options that name no map are mistakes of the caller.
  template <class Table>
  Result<> check_names(const Table& table) const {
    for (const auto& [name, value] : table) {
      const bool known = std::ranges::any_of(
          linked_, [&](const LinkedMap& map) { return map.name == name || map.section == name; });
      if (!known) return refuse(ENOENT, "no map '{}'; the object has {}", name, map_names());
    }
    return {};
  }
  [[nodiscard]] std::string map_names() const {
    if (linked_.empty()) return "none";
    std::string names;
    for (const LinkedMap& map : linked_) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", map.name);
    return names;
  }

  Result<> link_defined(const MapDefinition& definition) {
    MapSpec spec = definition.spec;
    if (const auto changed = options_.map_overrides.find(spec.name);
        changed != options_.map_overrides.end()) {
      spec.max_entries = changed->second.max_entries.value_or(spec.max_entries);
      spec.value_size = changed->second.value_size.value_or(spec.value_size);
    }
    MapRef map = TRY(find_reused(spec, {}));
    if (map == nullptr) map = TRY(create(spec, ".maps"));
    linked_.push_back(
        {.name = spec.name, .section = {}, .pinning = definition.pinning, .map = user_reference(map)});
    return {};
  }

  Result<> link_data(std::uint32_t index) {
    const DataSection& data = object_.contents().data[index];
    MapSpec spec{.name = data.map_name,
                 .type = MapType::kArray,
                 .key_size = sizeof(std::uint32_t),
                 .value_size = data.size,
                 .max_entries = 1,
                 .flags = kMmapable | (data.kind == DataKind::kReadOnly ? kRdonlyProg : 0U)};
    const auto changed = find_option(options_.map_overrides, spec.name, data.section);
    if (changed != options_.map_overrides.end()) {
      spec.value_size = changed->second.value_size.value_or(data.size);
      if (spec.value_size < data.size)
        return refuse(EINVAL, "section '{}' needs a value size of at least {} bytes, not {}", data.section,
                      data.size, spec.value_size);
    }
    MapRef map = TRY(find_reused(spec, data.section));
    if (map == nullptr) {
      map = TRY(create(spec, data.section));
      TRY(fill(*map, index));
    }
    linked_.push_back(
        {.name = spec.name, .section = std::string(data.section), .pinning = 0, .map = user_reference(map)});
    return {};
  }

  Result<MapRef> create(const MapSpec& spec, std::string_view section) const {
    Result<MapRef> map = options_.create(spec);
    if (map) return map;
    return refuse(map.error().code, "section '{}', map '{}': {}", section, spec.name, describe(map.error()));
  }

  // Null: no map is given for this name.
  Result<MapRef> find_reused(const MapSpec& wanted, std::string_view section) const {
    const auto given = find_option(options_.reuse, wanted.name, section);
    if (given == options_.reuse.end()) return MapRef{};
    const MapSpec& have = given->second->spec();
    const std::array<std::tuple<std::string_view, std::uint64_t, std::uint64_t>, 5> fields = {{
        {"type", static_cast<std::uint64_t>(have.type), static_cast<std::uint64_t>(wanted.type)},
        {"key size", have.key_size, wanted.key_size},
        {"value size", have.value_size, wanted.value_size},
        {"max_entries", have.max_entries, wanted.max_entries},
        {"flags", have.flags, wanted.flags},
    }};
    for (const auto& [field, present, expected] : fields)
      if (present != expected)
        return refuse(EINVAL, "map '{}' cannot be reused: its {} is {}, the object wants {}", wanted.name,
                      field, present, expected);
    return given->second;
  }

  Result<> fill(Map& map, std::uint32_t index) const {
    const DataSection& data = object_.contents().data[index];
    constexpr std::array<std::byte, sizeof(std::uint32_t)> kKey{};
    std::vector<std::byte> value;
    const auto make_value = [&] {
      value.resize(map.spec().value_size);
      std::ranges::copy(data.content, value.begin());
    };
    if (!data.content.empty()) make_value();
    for (const auto& [name, change] : options_.variables) {
      const Variable& variable = *object_.find_variable(name);
      if (variable.section != index) continue;
      if (value.empty()) make_value();
      TRY(set_variable(variable, change, std::span(value).subspan(variable.offset, variable.size)));
    }
    if (!value.empty()) TRY(map.write(kKey, value, kAny));
    return data.kind == DataKind::kReadOnly ? map.freeze() : Result<>{};
  }

  Result<> set_variable(const Variable& variable, const VariableValue& change,
                        std::span<std::byte> place) const {
    if (const auto* bytes = std::get_if<std::vector<std::byte>>(&change)) {
      if (bytes->size() != place.size())
        return refuse(EINVAL, "variable '{}' has {} bytes, {} were given", variable.name, place.size(),
                      bytes->size());
      std::ranges::copy(*bytes, place.begin());
      return {};
    }
    if (!variable.number)
      return refuse(EINVAL, "variable '{}' of {} bytes is no number; give its bytes", variable.name,
                    place.size());
    const std::int64_t number = std::get<std::int64_t>(change);
    if (!fits(number, place.size()))
      return refuse(ERANGE, "variable '{}': {} does not fit in {} bytes", variable.name, number,
                    place.size());
    std::memcpy(place.data(), &number,
                place.size());  // programs have the byte order of the machine: little endian
    return {};
  }

  // As a signed or as an unsigned number.
  static bool fits(std::int64_t number, std::size_t bytes) {
    if (bytes >= sizeof number) return true;
    const std::int64_t range = std::int64_t{1} << (8 * bytes);
    return number >= -range / 2 && number < range;
  }

  const ObjectFile& object_;
  const LinkOptions& options_;
  std::vector<LinkedMap> linked_;
};

}  // namespace

Result<std::vector<LinkedMap>> link_maps(const ObjectFile& object, const LinkOptions& options) {
  return MapLinker(object, options).link();
}

}  // namespace netkit::bpf
