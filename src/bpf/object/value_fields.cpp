#include "bpf/object/value_fields.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace netkit::bpf {
namespace {

struct Row {
  std::string_view type;
  FieldKind kind;
  std::uint32_t alignment;
};
constexpr std::array kRows = {
    Row{"bpf_spin_lock", FieldKind::kSpinLock, 4},
    Row{"bpf_timer", FieldKind::kTimer, 8},
};

constexpr int kDeepest = 16;  // structs in structs

Result<> add(const Row& row, std::uint32_t offset, std::vector<SpecialField>& fields) {
  if (std::ranges::find(fields, row.kind, &SpecialField::kind) != fields.end())
    return fail(E2BIG, fmt::format("a value has two members of type 'struct {}'; leave one", row.type));
  if (offset % row.alignment != 0)
    return fail(EINVAL,
                fmt::format("the value's 'struct {}' is at byte {}, which is no multiple of {}; align it",
                            row.type, offset, row.alignment));
  fields.push_back({.kind = row.kind, .offset = offset});
  return {};
}

Result<> find(const Btf& btf, std::uint32_t type_id, std::uint32_t offset, std::vector<SpecialField>& fields,
              int depth) {
  const std::uint32_t id = btf.underlying(type_id);
  const btf_type* type = btf.type(id);
  if (type == nullptr || !btf_is_struct(type) || depth == kDeepest) return {};
  const auto row = std::ranges::find(kRows, btf.name(id), &Row::type);
  if (row != kRows.end()) return add(*row, offset, fields);
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
    TRY(find(btf, btf_members(type)[i].type, offset + btf_member_bit_offset(type, i) / 8, fields, depth + 1));
  return {};
}

}  // namespace

Result<> find_value_fields(const Btf& btf, std::uint32_t type_id, std::uint32_t offset,
                           std::vector<SpecialField>& fields) {
  return find(btf, type_id, offset, fields, 0);
}

}  // namespace netkit::bpf
