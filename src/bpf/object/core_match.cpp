#include "bpf/object/core_match.h"

#include <bpf/btf.h>

#include <string_view>

namespace netkit::bpf {
namespace {

constexpr int kDeepest = 32;                    // of nested types
constexpr std::uint32_t kMostSteps = 1U << 20;  // of one search: a hostile BTF must not choose its length

bool same_kind(const btf_type* local, const btf_type* target) {
  return btf_kind(local) == btf_kind(target) || (btf_is_any_enum(local) && btf_is_any_enum(target));
}

// The old form of bit fields: integers that begin inside a byte.
bool is_offset_integer(const btf_type* type) {
  return btf_int_offset(type) != 0;
}

class Matcher {
 public:
  Matcher(const Btf& object, const Btf& kernel) : object_(object), kernel_(kernel) {}

  // ---- fields ----
  Result<std::optional<CoreSpec>> match_fields(const CoreSpec& local, std::uint32_t root) {
    CoreSpec found{.root = root};
    std::uint32_t type = kernel_.underlying(root);
    for (std::size_t i = 0; i < local.steps.size(); ++i) {
      const CoreStep& step = local.steps[i];
      const bool matched = step.name.empty() ? TRY(match_element(step, i == 0, found, type))
                                             : TRY(match_member(step, found, type, 0));
      if (!matched) return std::nullopt;
    }
    return found;
  }

  Result<std::optional<CoreSpec>> match_enumerator(const CoreSpec& local, std::uint32_t root) const {
    const std::uint32_t id = kernel_.underlying(root);
    const btf_type* type = kernel_.type(id);
    if (!btf_is_any_enum(type)) return std::nullopt;
    const std::string_view wanted = without_flavour(local.steps.front().name);
    for (std::uint32_t i = 0; i < btf_vlen(type); ++i) {
      const std::string_view name = enumerator_name(kernel_, type, i);
      if (without_flavour(name) == wanted)
        return CoreSpec{.root = root, .steps = {{.type_id = id, .index = i, .name = name}}};
    }
    return std::nullopt;
  }

  // ---- types ----
  // bpf_core_types_are_compat: the same kinds all the way; what structs hold does not count.
  Result<bool> compatible(std::uint32_t local, std::uint32_t target, int depth = kDeepest) {
    if (!same_core_kind(object_, local, kernel_, target)) return false;
    while (true) {
      if (depth-- <= 0) return too_deep();
      local = object_.underlying(local);
      target = kernel_.underlying(target);
      const btf_type* mine = object_.type(local);
      const btf_type* theirs = kernel_.type(target);
      if (!same_kind(mine, theirs)) return false;
      switch (btf_kind(mine)) {
        case BTF_KIND_UNKN:
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
        case BTF_KIND_FWD:
          return true;
        case BTF_KIND_INT:
          return !is_offset_integer(mine) && !is_offset_integer(theirs);
        case BTF_KIND_PTR:
          local = mine->type;
          target = theirs->type;
          break;
        case BTF_KIND_ARRAY:
          local = btf_array(mine)->type;
          target = btf_array(theirs)->type;
          break;
        case BTF_KIND_FUNC_PROTO:
          if (btf_vlen(mine) != btf_vlen(theirs)) return false;
          for (std::uint32_t i = 0; i < btf_vlen(mine); ++i)
            if (!TRY(compatible(object_.underlying(btf_params(mine)[i].type),
                                kernel_.underlying(btf_params(theirs)[i].type), depth)))
              return false;
          local = mine->type;
          target = theirs->type;
          break;
        default:
          return false;
      }
    }
  }

  // bpf_core_types_match: every part of the object's type is in the kernel's, by name and type.
  Result<bool> match_types(std::uint32_t local, std::uint32_t target, bool behind_pointer = false,
                           int depth = kDeepest) {
    while (true) {
      if (depth-- <= 0 || ++steps_ > kMostSteps) return too_deep();
      local = object_.underlying(local);
      target = kernel_.underlying(target);
      const btf_type* mine = object_.type(local);
      const btf_type* theirs = kernel_.type(target);
      if (!same_name(object_.name(local), kernel_.name(target))) return false;
      switch (btf_kind(mine)) {
        case BTF_KIND_UNKN:
          return btf_kind(theirs) == BTF_KIND_UNKN;
        case BTF_KIND_FWD:
          return match_forward(mine, theirs, behind_pointer);
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
          return match_enums(mine, theirs);
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
          if (behind_pointer) return match_pointee(mine, theirs);
          if (btf_kind(mine) != btf_kind(theirs)) return false;
          return match_composites(mine, theirs, depth);
        case BTF_KIND_INT:
          return btf_is_int(theirs) && mine->size == theirs->size &&
                 ((btf_int_encoding(mine) ^ btf_int_encoding(theirs)) & BTF_INT_SIGNED) == 0;
        case BTF_KIND_PTR:
          if (!btf_is_ptr(theirs)) return false;
          behind_pointer = true;
          local = mine->type;
          target = theirs->type;
          break;
        case BTF_KIND_ARRAY:
          if (!btf_is_array(theirs) || btf_array(mine)->nelems != btf_array(theirs)->nelems) return false;
          local = btf_array(mine)->type;
          target = btf_array(theirs)->type;
          break;
        case BTF_KIND_FUNC_PROTO:
          if (!btf_is_func_proto(theirs) || btf_vlen(mine) != btf_vlen(theirs)) return false;
          for (std::uint32_t i = 0; i < btf_vlen(mine); ++i)
            if (!TRY(
                    match_types(btf_params(mine)[i].type, btf_params(theirs)[i].type, behind_pointer, depth)))
              return false;
          local = mine->type;
          target = theirs->type;
          break;
        default:
          return false;
      }
    }
  }

 private:
  static Failure too_deep() {
    return fail(EINVAL, "types are nested too deeply to compare them; simplify them");
  }

  static std::string_view enumerator_name(const Btf& btf, const btf_type* type, std::uint32_t index) {
    return btf.string(btf_is_enum(type) ? btf_enum(type)[index].name_off : btf_enum64(type)[index].name_off)
        .value_or("");
  }

  static bool same_name(std::string_view local, std::string_view target) {
    return target.empty() ? local.empty() : without_flavour(local) == without_flavour(target);
  }

  // An element of an array, or of what the access begins with.
  Result<bool> match_element(const CoreStep& step, bool first, CoreSpec& found, std::uint32_t& type) const {
    if (!first) {
      type = kernel_.underlying(type);
      const btf_type* array = kernel_.type(type);
      if (!btf_is_array(array)) return false;
      const std::uint32_t elements = btf_array(array)->nelems;
      if (step.index >= elements && !is_flexible_array(kernel_, found.steps.back(), elements)) return false;
      type = kernel_.underlying(btf_array(array)->type);
    }
    const auto bytes = kernel_.size(type);
    if (!bytes)
      return first ? Result<bool>(false) : fail(EINVAL, "an array's elements have no size; use another BTF");
    found.steps.push_back({.type_id = type, .index = step.index});
    found.bit_offset += std::uint64_t{step.index} * *bytes * 8;
    return true;
  }

  // Looks for the member in `type`, and in what is anonymous in it; on success `type` is the member's type.
  Result<bool> match_member(const CoreStep& step, CoreSpec& found, std::uint32_t& type, std::size_t depth) {
    const std::uint32_t id = kernel_.underlying(type);
    const btf_type* composite = kernel_.type(id);
    if (!btf_is_composite(composite)) return false;
    if (depth == kLongestCoreAccess || ++steps_ > kMostSteps)
      return fail(E2BIG, "structs are nested too deeply; simplify them");
    for (std::uint32_t i = 0; i < btf_vlen(composite); ++i) {
      const btf_member& member = btf_members(composite)[i];
      const std::string_view name = kernel_.string(member.name_off).value_or("");
      const std::uint64_t offset = btf_member_bit_offset(composite, i);
      if (name.empty()) {
        std::uint32_t inner = member.type;
        found.bit_offset += offset;
        if (TRY(match_member(step, found, inner, depth + 1))) {
          type = inner;
          return true;
        }
        found.bit_offset -= offset;
      } else if (name == step.name) {
        const btf_member& local = btf_members(object_.type(step.type_id))[step.index];
        if (!fields_compatible(local.type, member.type)) return false;
        found.bit_offset += offset;
        found.steps.push_back({.type_id = id, .index = i, .name = name});
        type = member.type;
        return true;
      }
    }
    return false;
  }

  // bpf_core_fields_are_compat.
  [[nodiscard]] bool fields_compatible(std::uint32_t local, std::uint32_t target) const {
    while (true) {
      local = object_.underlying(local);
      target = kernel_.underlying(target);
      const btf_type* mine = object_.type(local);
      const btf_type* theirs = kernel_.type(target);
      if (btf_is_composite(mine) && btf_is_composite(theirs)) return true;
      if (!same_kind(mine, theirs)) return false;
      switch (btf_kind(mine)) {
        case BTF_KIND_PTR:
        case BTF_KIND_FLOAT:
          return true;
        case BTF_KIND_FWD:
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64: {
          const std::string_view a = without_flavour(object_.name(local));
          const std::string_view b = without_flavour(kernel_.name(target));
          return a.empty() || b.empty() || a == b;
        }
        case BTF_KIND_INT:
          return !is_offset_integer(mine) && !is_offset_integer(theirs);
        case BTF_KIND_ARRAY:
          local = btf_array(mine)->type;
          target = btf_array(theirs)->type;
          break;
        default:
          return false;
      }
    }
  }

  static bool match_forward(const btf_type* mine, const btf_type* theirs, bool behind_pointer) {
    const bool is_union = btf_kflag(mine);
    if (btf_is_fwd(theirs)) return is_union == btf_kflag(theirs);
    return behind_pointer && btf_kind(theirs) == (is_union ? BTF_KIND_UNION : BTF_KIND_STRUCT);
  }
  // What a pointer leads to counts by name only; the kernel may not define it.
  static bool match_pointee(const btf_type* mine, const btf_type* theirs) {
    if (btf_kind(mine) == btf_kind(theirs)) return true;
    return btf_is_fwd(theirs) && btf_is_union(mine) == btf_kflag(theirs);
  }

  bool match_enums(const btf_type* mine, const btf_type* theirs) const {
    if (!btf_is_any_enum(theirs) || btf_vlen(mine) > btf_vlen(theirs)) return false;
    for (std::uint32_t i = 0; i < btf_vlen(mine); ++i) {
      const std::string_view wanted = without_flavour(enumerator_name(object_, mine, i));
      bool found = false;
      for (std::uint32_t j = 0; j < btf_vlen(theirs) && !found; ++j)
        found = without_flavour(enumerator_name(kernel_, theirs, j)) == wanted;
      if (!found) return false;
    }
    return true;
  }

  Result<bool> match_composites(const btf_type* mine, const btf_type* theirs, int depth) {
    if (btf_vlen(mine) > btf_vlen(theirs)) return false;
    for (std::uint32_t i = 0; i < btf_vlen(mine); ++i) {
      const btf_member& local = btf_members(mine)[i];
      bool found = false;
      for (std::uint32_t j = 0; j < btf_vlen(theirs) && !found; ++j) {
        const btf_member& target = btf_members(theirs)[j];
        if (!same_name(object_.string(local.name_off).value_or(""),
                       kernel_.string(target.name_off).value_or("")))
          continue;
        found = TRY(match_types(local.type, target.type, false, depth));
      }
      if (!found) return false;
    }
    return true;
  }

  const Btf& object_;
  const Btf& kernel_;
  std::uint32_t steps_ = 0;
};

}  // namespace

bool same_core_kind(const Btf& object, std::uint32_t local, const Btf& kernel, std::uint32_t target) {
  return same_kind(object.type(local), kernel.type(target));
}

Result<std::optional<CoreSpec>> match_core_spec(CoreKind kind, const Btf& object, const CoreSpec& local,
                                                const Btf& kernel, std::uint32_t root) {
  Matcher matcher(object, kernel);
  if (asks_about_enumerator(kind)) return matcher.match_enumerator(local, root);
  if (asks_about_field(kind)) return matcher.match_fields(local, root);
  const bool matches = kind == CoreKind::kTypeMatches ? TRY(matcher.match_types(local.root, root))
                                                      : TRY(matcher.compatible(local.root, root));
  return matches ? std::optional(CoreSpec{.root = root}) : std::nullopt;
}

}  // namespace netkit::bpf
