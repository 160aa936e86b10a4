#include "bpf/object/core_resolver.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <optional>

#include "bpf/object/core_match.h"
#include "bpf/object/kernel_types.h"

namespace netkit::bpf {

Result<CoreResolution> CoreResolver::resolve(const CoreRelocation& relocation) const {
  const auto kind = static_cast<CoreKind>(relocation.kind);
  const CoreSpec local = TRY(parse_core_spec(object_, relocation));
  if (kind == CoreKind::kTypeIdLocal) return resolve_core(kind, object_, local, object_, local);

  const std::string_view name = object_.name(relocation.type_id);
  if (name.empty()) return fail(ENOTSUP, "CO-RE relocation of a type without a name; give it one");
  std::optional<CoreSpec> target;
  std::optional<CoreResolution> found;
  for (const std::uint32_t candidate : kernel_.named(without_flavour(name))) {
    if (!same_core_kind(object_, relocation.type_id, kernel_.btf(), candidate)) continue;
    const auto match = TRY(match_core_spec(kind, object_, local, kernel_.btf(), candidate));
    if (!match || !is_provided(*match)) continue;
    const CoreResolution resolution = TRY(resolve_core(kind, object_, local, kernel_.btf(), match));
    const bool agrees =
        !found || (target->bit_offset == match->bit_offset && found->poisoned == resolution.poisoned &&
                   found->value == resolution.value);
    if (!agrees)
      return fail(EINVAL,
                  fmt::format("CO-RE relocation of {} is ambiguous: types {} and {} of that name differ",
                              describe(relocation, object_), target->root, candidate));
    if (!found) target = match;
    found = resolution;
  }
  return found ? *found : resolve_core(kind, object_, local, kernel_.btf(), std::nullopt);
}

bool CoreResolver::is_provided(const CoreSpec& target) const {
  if (provides_ == nullptr || target.steps.empty()) return true;
  const CoreStep& step = target.steps.front();
  const Btf& btf = kernel_.btf();
  const btf_type* type = btf.type(step.type_id);
  if (!btf_is_any_enum(type)) return true;
  const std::uint64_t value = btf_is_enum(type) ? static_cast<std::uint32_t>(btf_enum(type)[step.index].val)
                                                : btf_enum64_value(btf_enum64(type) + step.index);
  return provides_(btf.name(target.root), value);
}

}  // namespace netkit::bpf
