#include "bpf/object/core_spec.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <charconv>
#include <optional>

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kByteBits = 8;

// "0:1:2"; none for anything else, and for too many numbers.
std::optional<std::vector<std::uint32_t>> access_path(std::string_view access) {
  std::vector<std::uint32_t> path;
  while (true) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(access.data(), access.data() + access.size(), number);
    if (error != std::errc{} || path.size() == kLongestCoreAccess) return std::nullopt;
    path.push_back(number);
    access.remove_prefix(static_cast<std::size_t>(end - access.data()));
    if (access.empty()) return path;
    if (access.front() != ':') return std::nullopt;
    access.remove_prefix(1);
  }
}

std::string_view enumerator_name(const Btf& btf, const btf_type* type, std::uint32_t index) {
  const std::uint32_t name =
      btf_is_enum(type) ? btf_enum(type)[index].name_off : btf_enum64(type)[index].name_off;
  return btf.string(name).value_or("");
}

class Parser {
 public:
  Parser(const Btf& btf, const CoreRelocation& relocation)
      : btf_(btf), relocation_(relocation), kind_(static_cast<CoreKind>(relocation.kind)) {}

  Result<CoreSpec> parse() {
    spec_.root = relocation_.type_id;
    const auto path = access_path(relocation_.access);
    if (!path) return misfit("is no list of at most 64 numbers");
    if (asks_about_type(kind_))
      return path->size() == 1 && path->front() == 0 ? Result<CoreSpec>(spec_) : misfit("leads into a type");
    const std::uint32_t root = btf_.underlying(relocation_.type_id);
    if (asks_about_enumerator(kind_)) return parse_enumerator(root, *path);
    if (!asks_about_field(kind_)) return misfit("is of unknown kind");
    TRY(add_element(root, path->front()));
    type_ = root;
    for (const std::uint32_t index : std::span(*path).subspan(1)) TRY(step(index));
    return std::move(spec_);
  }

 private:
  Failure misfit(std::string_view what) const {
    return fail(EINVAL,
                fmt::format("CO-RE relocation of kind {}, type '{}', access '{}' {}; compile the file again",
                            relocation_.kind, btf_.describe(relocation_.type_id), relocation_.access, what));
  }

  Result<CoreSpec> parse_enumerator(std::uint32_t id, const std::vector<std::uint32_t>& path) {
    const btf_type* type = btf_.type(id);
    if (!btf_is_any_enum(type) || path.size() != 1 || path[0] >= btf_vlen(type))
      return misfit("names no value of an enum");
    spec_.steps.push_back({.type_id = id, .index = path[0], .name = enumerator_name(btf_, type, path[0])});
    return std::move(spec_);
  }

  Result<> add_element(std::uint32_t element, std::uint32_t index) {
    const auto bytes = btf_.size(element);
    if (!bytes) return misfit("leads through a type without size");
    spec_.steps.push_back({.type_id = element, .index = index});
    spec_.bit_offset += std::uint64_t{index} * *bytes * kByteBits;
    return {};
  }

  Result<> step(std::uint32_t index) {
    type_ = btf_.underlying(type_);
    const btf_type* type = btf_.type(type_);
    if (btf_is_composite(type)) return step_into_member(type, index);
    if (btf_is_array(type)) return step_into_array(*btf_array(type), index);
    return misfit("leads into what has no parts");
  }
  Result<> step_into_member(const btf_type* type, std::uint32_t index) {
    if (index >= btf_vlen(type)) return misfit("names a member that is not there");
    const btf_member& member = btf_members(type)[index];
    const std::string_view name = btf_.string(member.name_off).value_or("");
    spec_.bit_offset += btf_member_bit_offset(type, index);
    if (!name.empty()) spec_.steps.push_back({.type_id = type_, .index = index, .name = name});
    type_ = member.type;
    return {};
  }
  Result<> step_into_array(const struct btf_array& array, std::uint32_t index) {
    if (index >= array.nelems && !is_flexible_array(btf_, spec_.steps.back(), array.nelems))
      return misfit("names an array element that is not there");
    type_ = btf_.underlying(array.type);
    return add_element(type_, index);
  }

  const Btf& btf_;
  const CoreRelocation& relocation_;
  CoreKind kind_;
  CoreSpec spec_{};
  std::uint32_t type_ = 0;  // where the path has come to
};

// The fields on the way from a struct, "[3]" for an element of an array.
std::string field_path(const Btf& btf, std::uint32_t type_id, std::span<const std::uint32_t> path) {
  std::string text;
  for (const std::uint32_t index : path) {
    type_id = btf.underlying(type_id);
    const btf_type* type = btf.type(type_id);
    if (btf_is_composite(type) && index < btf_vlen(type)) {
      const btf_member& member = btf_members(type)[index];
      const std::string_view name = btf.string(member.name_off).value_or("");
      if (!name.empty()) text += fmt::format(".{}", name);
      type_id = member.type;
    } else if (btf_is_array(type)) {
      text += fmt::format("[{}]", index);
      type_id = btf_array(type)->type;
    } else {
      break;
    }
  }
  return text;
}

}  // namespace

bool asks_about_field(CoreKind kind) {
  return kind <= CoreKind::kFieldRightShift;
}
bool asks_about_type(CoreKind kind) {
  return (kind >= CoreKind::kTypeIdLocal && kind <= CoreKind::kTypeSize) || kind == CoreKind::kTypeMatches;
}
bool asks_about_enumerator(CoreKind kind) {
  return kind == CoreKind::kEnumValueExists || kind == CoreKind::kEnumValue;
}

Result<CoreSpec> parse_core_spec(const Btf& btf, const CoreRelocation& relocation) {
  return Parser(btf, relocation).parse();
}

bool is_flexible_array(const Btf& btf, const CoreStep& member, std::uint32_t elements) {
  return elements == 0 && !member.name.empty() && member.index + 1 == btf_vlen(btf.type(member.type_id));
}

std::string_view without_flavour(std::string_view name) {
  constexpr std::string_view kSeparator = "___";
  for (std::size_t at = name.rfind(kSeparator); at != std::string_view::npos && at > 0;
       at = name.rfind(kSeparator, at - 1)) {
    const std::size_t behind = at + kSeparator.size();
    if (behind < name.size() && name[behind] != '_' && name[at - 1] != '_') return name.substr(0, at);
  }
  return name;
}

std::string describe(const CoreRelocation& relocation, const Btf& btf) {
  const std::uint32_t root = btf.underlying(relocation.type_id);
  const btf_type* type = btf.type(root);
  const auto path = access_path(relocation.access);
  const auto kind = static_cast<CoreKind>(relocation.kind);
  std::string text = btf.describe(asks_about_type(kind) ? relocation.type_id : root);
  if (!path) return text;
  if (asks_about_enumerator(kind) && btf_is_any_enum(type) && path->front() < btf_vlen(type))
    return text.append(".").append(enumerator_name(btf, type, path->front()));
  if (asks_about_field(kind)) text += field_path(btf, root, std::span(*path).subspan(1));
  return text;
}

}  // namespace netkit::bpf
