#include "bpf/object/btf.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>

#include <cstring>

#include "base/endian.h"
#include "bpf/object/btf_check.h"
#include "bpf/object/names.h"

namespace netkit::bpf {

void Btf::Free::operator()(::btf* handle) const {
  btf__free(handle);
}

Result<Btf> Btf::parse(std::span<const std::byte> raw) {
  [[maybe_unused]] static const auto kSilenced = libbpf_set_print(nullptr);
  TRY(check_btf(raw));
  Btf btf;
  btf.handle_.reset(btf__new(raw.data(), static_cast<std::uint32_t>(raw.size())));
  if (btf.handle_ == nullptr)
    return fail(EINVAL, fmt::format(".BTF: libbpf refuses it ({}); compile the file again with -g",
                                    errno_name(errno)));
  btf.string_bytes_ = load_unaligned<btf_header>(raw.data()).str_len;
  return btf;
}

std::uint32_t Btf::type_count() const {
  return btf__type_cnt(handle_.get());
}

const ::btf_type* Btf::type(std::uint32_t id) const {
  return btf__type_by_id(handle_.get(), id);
}

std::string_view Btf::name(std::uint32_t id) const {
  const btf_type* found = type(id);
  return found == nullptr ? std::string_view{} : string(found->name_off).value_or("");
}

std::optional<std::string_view> Btf::string(std::uint32_t offset) const {
  if (offset >= string_bytes_) return std::nullopt;
  const char* found = btf__str_by_offset(handle_.get(), offset);
  return std::string_view(found, strnlen(found, kLongestName));
}

std::uint32_t Btf::underlying(std::uint32_t id) const {
  const btf_type* found = type(id);
  while (found != nullptr && (btf_is_mod(found) || btf_is_typedef(found))) {
    id = found->type;
    found = type(id);
  }
  return id;
}

std::optional<std::uint32_t> Btf::size(std::uint32_t id) const {
  const std::int64_t bytes = btf__resolve_size(handle_.get(), id);
  if (bytes < 0) return std::nullopt;
  return static_cast<std::uint32_t>(bytes);
}

std::string Btf::describe(std::uint32_t id) const {
  const btf_type* found = type(id);
  const std::string_view own_name = name(id);
  if (found == nullptr || id == 0) return "void";
  const std::string_view shown = own_name.empty() ? "(anonymous)" : own_name;
  switch (btf_kind(found)) {
    case BTF_KIND_STRUCT:
      return fmt::format("struct {}", shown);
    case BTF_KIND_UNION:
      return fmt::format("union {}", shown);
    case BTF_KIND_FWD:
      return fmt::format("{} {}", btf_kflag(found) ? "union" : "struct", shown);
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return fmt::format("enum {}", shown);
    default:
      return std::string(shown);
  }
}

std::vector<std::uint32_t> Btf::section_members(std::string_view section) const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t id = 1; id < type_count(); ++id) {
    const btf_type* candidate = type(id);
    if (!btf_is_datasec(candidate) || name(id) != section) continue;
    const btf_var_secinfo* entries = btf_var_secinfos(candidate);
    for (std::uint16_t i = 0; i < btf_vlen(candidate); ++i) found.push_back(entries[i].type);
  }
  return found;
}

}  // namespace netkit::bpf
