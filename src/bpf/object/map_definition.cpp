#include "bpf/object/map_definition.h"

#include <bpf/btf.h>
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/per_cpu.h"
#include "bpf/object/value_fields.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kPageSize = 4096;

// Reads one definition: the outer map's, or the template of the inner map.
class DefinitionReader {
 public:
  DefinitionReader(const Btf& btf, std::string name, bool inner)
      : btf_(btf), name_(std::move(name)), inner_(inner) {}

  Result<PlacedMap> read(std::uint32_t type_id) {
    const btf_type* type = btf_.type(btf_.underlying(type_id));
    if (type == nullptr || !btf_is_struct(type)) return malformed("is no struct with the members of a map");
    map_.definition.spec.name = name_;
    const btf_member* members = btf_members(type);
    for (std::uint16_t i = 0; i < btf_vlen(type); ++i)
      TRY(read_member(btf_.string(members[i].name_off).value_or(""), members[i].type,
                      btf_member_bit_offset(type, i) / 8));
    apply_map_defaults(map_.definition.spec);
    if (map_.definition.value_type_id != 0) TRY(find_fields());
    return std::move(map_);
  }

 private:
  Failure malformed(std::string_view what) const {
    return fail(
        EINVAL,
        fmt::format("section '.maps', map '{}' {}; write it with __uint, __type and __array of bpf_helpers.h",
                    name_, what));
  }

  Result<> read_member(std::string_view member, std::uint32_t type_id, std::uint32_t offset) {
    MapDefinition& definition = map_.definition;
    MapSpec& spec = definition.spec;
    if (member == "type") return read_into(spec.type, member, type_id);
    if (member == "max_entries") return read_into(spec.max_entries, member, type_id);
    if (member == "map_flags") return read_into(spec.flags, member, type_id);
    if (member == "map_extra") return read_into(spec.extra, member, type_id);
    if (member == "numa_node") return read_into(definition.numa_node, member, type_id);
    if (member == "pinning" && !inner_) return read_into(definition.pinning, member, type_id);
    if (member == "key_size") return read_size(spec.key_size, member, type_id);
    if (member == "value_size") return read_size(spec.value_size, member, type_id);
    if (member == "key") return read_type(spec.key_size, definition.key_type_id, member, type_id);
    if (member == "value") return read_type(spec.value_size, definition.value_type_id, member, type_id);
    if (member == "values" && !inner_) return read_values(type_id, offset);
    return fail(ENOTSUP,
                fmt::format("section '.maps', map '{}': unknown member '{}'; remove it or use a newer netkit",
                            name_, member));
  }

  // `int (*member)[N]` (__uint), or an enum with one value (__ulong).
  Result<std::uint64_t> number(std::string_view member, std::uint32_t type_id) const {
    const btf_type* type = btf_.type(btf_.underlying(type_id));
    if (type != nullptr && btf_is_enum(type) && btf_vlen(type) == 1)
      return static_cast<std::uint32_t>(btf_enum(type)->val);
    if (type != nullptr && btf_is_enum64(type) && btf_vlen(type) == 1)
      return btf_enum64_value(btf_enum64(type));
    if (type != nullptr && btf_is_ptr(type)) {
      const btf_type* array = btf_.type(type->type);
      if (array != nullptr && btf_is_array(array)) return btf_array(array)->nelems;
    }
    return malformed(fmt::format("has a member '{}' that is no number", member));
  }

  template <class T>
  Result<> read_into(T& into, std::string_view member, std::uint32_t type_id) const {
    into = static_cast<T>(TRY(number(member, type_id)));
    return {};
  }

  // A size may be given twice, as a number and by a type, and must then be the same.
  Result<> set_size(std::uint32_t& into, std::string_view member, std::uint64_t bytes) const {
    if (into != 0 && into != bytes)
      return malformed(fmt::format("has a '{}' of {} bytes after one of {} bytes", member, bytes, into));
    into = static_cast<std::uint32_t>(bytes);
    return {};
  }
  Result<> read_size(std::uint32_t& into, std::string_view member, std::uint32_t type_id) const {
    return set_size(into, member, TRY(number(member, type_id)));
  }
  Result<> read_type(std::uint32_t& size, std::uint32_t& type, std::string_view member,
                     std::uint32_t type_id) const {
    const btf_type* pointer = btf_.type(btf_.underlying(type_id));
    const auto bytes = pointer != nullptr && btf_is_ptr(pointer) ? btf_.size(pointer->type) : std::nullopt;
    if (!bytes)
      return malformed(fmt::format("has a member '{}' that is no pointer to a type with a size", member));
    type = pointer->type;
    return set_size(size, member, *bytes);
  }

  // `struct inner *values[]` or `void *values[]`: the map's initial content follows in the variable.
  Result<> read_values(std::uint32_t type_id, std::uint32_t offset) {
    const btf_type* array = btf_.type(btf_.underlying(type_id));
    const btf_type* pointer = nullptr;
    if (array != nullptr && btf_is_array(array)) pointer = btf_.type(btf_.underlying(btf_array(array)->type));
    if (pointer == nullptr || !btf_is_ptr(pointer))
      return malformed("has 'values' that are no array of pointers");
    map_.values_offset = offset;
    const btf_type* value = btf_.type(btf_.underlying(pointer->type));
    if (value == nullptr || !btf_is_struct(value)) return {};
    PlacedMap inner = TRY(DefinitionReader(btf_, name_ + ".inner", true).read(pointer->type));
    map_.definition.inner = std::move(inner.definition.spec);
    return {};
  }

  Result<> find_fields() {
    const auto found = find_value_fields(btf_, map_.definition.value_type_id, 0, map_.definition.spec.fields);
    if (found) return {};
    return fail(found.error().code, fmt::format("section '.maps', map '{}': {}", name_, found.error().text));
  }

  const Btf& btf_;
  std::string name_;
  bool inner_;
  PlacedMap map_;
};

}  // namespace

void apply_map_defaults(MapSpec& spec) {
  switch (spec.type) {
    case MapType::kPerfEventArray:
      if (spec.max_entries == 0) spec.max_entries = possible_cpus();
      [[fallthrough]];
    case MapType::kProgArray:
    case MapType::kCgroupArray:
    case MapType::kArrayOfMaps:
      if (spec.key_size == 0) spec.key_size = sizeof(std::uint32_t);
      [[fallthrough]];
    case MapType::kHashOfMaps:
      if (spec.value_size == 0) spec.value_size = sizeof(std::uint32_t);
      break;
    case MapType::kRingbuf:
    case MapType::kUserRingbuf:
      if (spec.max_entries != 0 && spec.max_entries <= 1U << 31)
        spec.max_entries = std::max(std::bit_ceil(spec.max_entries), kPageSize);
      break;
    default:
      break;
  }
}

Result<std::vector<PlacedMap>> read_map_definitions(const ElfFile& elf, std::uint32_t section,
                                                    const Btf& btf) {
  const ElfSection& maps = elf.sections[section];
  std::unordered_map<std::string_view, const ElfSymbol*> symbols;
  for (const ElfSymbol& symbol : elf.symbols)
    if (symbol.section == section && symbol.type == STT_OBJECT) symbols.emplace(symbol.name, &symbol);

  std::vector<PlacedMap> placed;
  for (const std::uint32_t variable : btf.section_members(maps.name)) {
    const auto symbol = symbols.find(btf.name(variable));
    if (symbol == symbols.end())
      return fail(
          EINVAL,
          fmt::format("section '.maps': BTF describes '{}', which has no symbol; compile the file again",
                      btf.name(variable)));
    const ElfSymbol& at = *symbol->second;
    if (at.value > maps.size || at.size > maps.size - at.value)
      return fail(
          EINVAL,
          fmt::format("section '.maps': '{}' lies outside the section; compile the file again", at.name));
    PlacedMap map = TRY(DefinitionReader(btf, std::string(at.name), false).read(btf.type(variable)->type));
    map.section = section;
    map.offset = at.value;
    map.size = at.size;
    placed.push_back(std::move(map));
  }
  std::ranges::stable_sort(placed, {}, &PlacedMap::offset);
  return placed;
}

}  // namespace netkit::bpf
