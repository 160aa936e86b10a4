#include "bpf/object/link_maps.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "bpf/object/btf.h"
#include "bpf/object/kernel_config.h"
#include "bpf/object/value_fields.h"

namespace netkit::bpf {
namespace {

constexpr std::array<std::byte, sizeof(std::uint32_t)> kFirstKey{};

// The entry of an options table for a map: by its name, or by the name of its data section.
template <class Table>
auto find_option(const Table& table, std::string_view name, std::string_view section) {
  const auto found = table.find(name);
  return found != table.end() || section.empty() ? found : table.find(section);
}

// The first field in which two specifications differ (map_is_reuse_compat of libbpf); empty: none.
std::string difference(const MapSpec& have, const MapSpec& wanted) {
  const std::array<std::tuple<std::string_view, std::uint64_t, std::uint64_t>, 6> fields = {{
      {"type", static_cast<std::uint64_t>(have.type), static_cast<std::uint64_t>(wanted.type)},
      {"key size", have.key_size, wanted.key_size},
      {"value size", have.value_size, wanted.value_size},
      {"max_entries", have.max_entries, wanted.max_entries},
      {"flags", have.flags, wanted.flags},
      {"map_extra", have.extra, wanted.extra},
  }};
  for (const auto& [field, present, expected] : fields)
    if (present != expected)
      return fmt::format("its {} is {}, the object wants {}", field, present, expected);
  return {};
}

class MapLinker {
 public:
  MapLinker(const ObjectFile& object, const LinkOptions& options)
      : object_(object), contents_(object.contents()), options_(options) {}

  Result<LinkedMaps> link() {
    TRY(check_variables());
    for (const MapDefinition& definition : contents_.maps) TRY(link_defined(definition));
    for (std::uint32_t i = 0; i < contents_.data.size(); ++i) TRY(link_data(i));
    TRY(link_variables());
    TRY(check_names(options_.map_overrides, false));
    TRY(check_names(options_.reuse, true));
    for (std::size_t i = 0; i < contents_.maps.size(); ++i) TRY(put_inner_maps(i));
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
  Result<> check_names(const Table& table, bool variables_too) const {
    for (const auto& [name, value] : table) {
      const bool known = std::ranges::any_of(linked_.entries, [&](const LinkedMaps::Entry& entry) {
        return entry.linked.name == name || entry.linked.section == name;
      });
      if (!known && !(variables_too && object_.find_variable(name) != nullptr))
        return refuse(ENOENT, "no map '{}'; the object has {}", name, map_names());
    }
    return {};
  }
  [[nodiscard]] std::string map_names() const {
    if (linked_.entries.empty()) return "none";
    std::string names;
    for (const LinkedMaps::Entry& entry : linked_.entries)
      names += fmt::format("{}'{}'", names.empty() ? "" : ", ", entry.linked.name);
    return names;
  }

  Result<> link_defined(const MapDefinition& definition) {
    MapSpec spec = definition.spec;
    if (definition.inner) spec.inner = std::make_shared<const MapSpec>(*definition.inner);
    const MapOverride* change = find_override(spec.name, {});
    if (change != nullptr) {
      spec.max_entries = change->max_entries.value_or(spec.max_entries);
      spec.value_size = change->value_size.value_or(spec.value_size);
    }
    LinkedMap linked{.name = spec.name, .section = {}, .pinning = definition.pinning, .map = nullptr};
    MapRef map = TRY(find_reused(spec, {}));
    const bool pinned = map == nullptr && wants_pin(definition.pinning);
    if (pinned) map = TRY(find_pinned(spec));
    if (map == nullptr) {
      auto created = options_.create(spec);
      if (!created && !is_supported(spec.type)) return leave_out(std::move(linked), created.error());
      if (!created) return cannot_create(".maps", spec, created.error());
      map = *std::move(created);
      linked.to_pin = pinned;
      if (change != nullptr && change->initial_value) TRY(put_initial_value(*map, *change->initial_value));
    }
    linked.map = user_reference(map);
    linked_.entries.push_back({.linked = std::move(linked)});
    return {};
  }

  Result<> leave_out(LinkedMap linked, Error error) {
    error.text = fmt::format("map '{}', which cannot be created: {}", linked.name, error.text);
    linked_.entries.push_back({.linked = std::move(linked), .error = std::move(error)});
    return {};
  }

  Result<> link_data(std::uint32_t index) {
    const DataSection& data = contents_.data[index];
    const bool read_only = data.kind == DataKind::kReadOnly || data.kind == DataKind::kSettings;
    MapSpec spec{.name = data.map_name,
                 .type = MapType::kArray,
                 .key_size = sizeof(std::uint32_t),
                 .value_size = data.size,
                 .max_entries = 1,
                 .flags = kMmapable | (read_only ? kRdonlyProg : 0U)};
    const MapOverride* change = find_override(spec.name, data.section);
    if (change != nullptr) {
      spec.value_size = change->value_size.value_or(data.size);
      if (spec.value_size < data.size)
        return refuse(EINVAL, "section '{}' needs a value size of at least {} bytes, not {}", data.section,
                      data.size, spec.value_size);
    }
    TRY(find_fields(index, spec.fields));
    MapRef map = TRY(find_reused(spec, data.section));
    if (map == nullptr) {
      auto created = options_.create(spec);
      if (!created) return cannot_create(data.section, spec, created.error());
      map = *std::move(created);
      TRY(fill(*map, index, change));
      if (read_only) TRY(map->freeze());
    }
    linked_.entries.push_back({.linked = {.name = spec.name,
                                          .section = std::string(data.section),
                                          .pinning = 0,
                                          .map = user_reference(map)}});
    return {};
  }

  // Locks and timers that lie in a data section.
  Result<> find_fields(std::uint32_t section, std::vector<SpecialField>& fields) const {
    if (object_.btf() == nullptr) return {};
    for (const Variable& variable : contents_.variables) {
      if (variable.section != section || variable.type_id == 0) continue;
      auto found = find_value_fields(*object_.btf(), variable.type_id, variable.offset, fields);
      if (!found)
        return refuse(found.error().code, "section '{}', variable '{}': {}", contents_.data[section].section,
                      variable.name, found.error().text);
    }
    return {};
  }

  // Variables in place of which the caller gives a map.
  Result<> link_variables() {
    for (const auto& [name, map] : options_.reuse)
      if (const Variable* variable = object_.find_variable(name); variable != nullptr)
        linked_.variables.emplace(std::pair(variable->section, variable->offset), map);
    return {};
  }

  [[nodiscard]] const MapOverride* find_override(std::string_view name, std::string_view section) const {
    const auto found = find_option(options_.map_overrides, name, section);
    return found == options_.map_overrides.end() ? nullptr : &found->second;
  }

  Failure cannot_create(std::string_view section, const MapSpec& spec, const Error& error) const {
    return refuse(error.code, "section '{}', map '{}': {}", section, spec.name, describe(error));
  }

  // Null: no map is given for this name.
  Result<MapRef> find_reused(const MapSpec& wanted, std::string_view section) const {
    const auto given = find_option(options_.reuse, wanted.name, section);
    if (given == options_.reuse.end()) return MapRef{};
    if (const std::string differs = difference(given->second->spec(), wanted); !differs.empty())
      return refuse(EINVAL, "map '{}' cannot be reused: {}", wanted.name, differs);
    return given->second;
  }

  [[nodiscard]] bool wants_pin(std::uint32_t pinning) const {
    constexpr std::uint32_t kByName = 1;  // LIBBPF_PIN_BY_NAME
    if (!options_.pins) return false;
    return options_.pins->wanted ? options_.pins->wanted(pinning) : pinning == kByName;
  }
  Result<MapRef> find_pinned(const MapSpec& wanted) const {
    MapRef map = TRY(options_.pins->find(wanted.name));
    if (map == nullptr) return map;
    if (const std::string differs = difference(map->spec(), wanted); !differs.empty())
      return refuse(EINVAL,
                    "the map pinned as '{}' cannot be reused: {}; remove the pin or change the object",
                    wanted.name, differs);
    return map;
  }

  // Static inner maps of `values`.
  Result<> put_inner_maps(std::size_t index) const {
    const MapRef& outer = linked_.entries[index].linked.map;
    for (const InitialValue& value : contents_.maps[index].values) {
      const auto* inner = std::get_if<MapTarget>(&value.target);
      if (inner == nullptr || outer == nullptr) continue;
      const LinkedMaps::Entry& entry = linked_.entries[inner->map];
      if (entry.linked.map == nullptr)
        return refuse(entry.error.code, "map '{}' wants in slot {} {}", outer->spec().name, value.slot,
                      entry.error.text);
      const std::uint32_t id = entry.linked.map->id();
      const auto put =
          outer->write(std::as_bytes(std::span(&value.slot, 1)), std::as_bytes(std::span(&id, 1)), kAny);
      if (!put)
        return refuse(put.error().code, "map '{}' does not take map '{}' in slot {}: {}", outer->spec().name,
                      entry.linked.name, value.slot, describe(put.error()));
    }
    return {};
  }

  Result<> put_initial_value(Map& map, std::span<const std::byte> value) const {
    if (value.size() != map.spec().value_size)
      return refuse(EINVAL, "map '{}' has values of {} bytes, {} were given", map.spec().name,
                    map.spec().value_size, value.size());
    return map.write(kFirstKey, value, kAny);
  }

  Result<> fill(Map& map, std::uint32_t index, const MapOverride* change) {
    const DataSection& data = contents_.data[index];
    std::optional<std::vector<std::byte>> value;  // none: all zero
    const auto make_value = [&] {
      value.emplace(map.spec().value_size);
      std::ranges::copy(data.content, value->begin());
    };
    const auto place_of = [&](const Variable& variable) {
      if (!value) make_value();
      return std::span(*value).subspan(variable.offset, variable.size);
    };
    if (!data.content.empty()) make_value();
    if (change != nullptr && change->initial_value) value = change->initial_value;
    if (data.kind == DataKind::kSettings) {
      make_value();
      TRY(put_settings(*value));
    }
    for (const auto& [name, number] : options_.variables) {
      const Variable& variable = *object_.find_variable(name);
      if (variable.section == index) TRY(set_variable(variable, number, place_of(variable)));
    }
    return value ? put_initial_value(map, *value) : Result<>{};
  }

  Result<> put_settings(std::span<std::byte> value) {
    for (const Extern& external : contents_.externs) {
      if (external.kind != ExternKind::kSetting || options_.variables.contains(external.name)) continue;
      const Variable& variable = contents_.variables[*external.variable];
      const auto setting = kernel_setting(external.name);
      if (!setting) {
        linked_.missing_settings.insert(external.name);
        continue;
      }
      const auto written = write_kernel_setting(external.name, *setting, *object_.btf(), variable.type_id,
                                                value.subspan(variable.offset, variable.size));
      if (!written) return refuse(written.error().code, "section '.kconfig': {}", written.error().text);
    }
    return {};
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
  const ObjectContents& contents_;
  const LinkOptions& options_;
  LinkedMaps linked_;
};

}  // namespace

Result<LinkedMaps> link_maps(const ObjectFile& object, const LinkOptions& options) {
  return MapLinker(object, options).link();
}

}  // namespace netkit::bpf
