#include "bpf/object/prototype.h"

#include <bpf/btf.h>
#include <fmt/format.h>

#include <span>

namespace netkit::bpf {
namespace {

constexpr int kDeepest = 32;  // types that a declaration goes through; a hostile file may have a circle

// Ends with a space, but for arrays.
std::string text_of(const Btf& btf, std::uint32_t id, int depth = 0) {
  const ::btf_type* const type = btf.type(id);
  if (id == 0 || type == nullptr || depth == kDeepest) return "void ";
  const std::string_view name = btf.name(id);
  const auto target = [&] { return text_of(btf, type->type, depth + 1); };
  switch (btf_kind(type)) {
    case BTF_KIND_STRUCT:
      return fmt::format("struct {} ", name);
    case BTF_KIND_UNION:
      return fmt::format("union {} ", name);
    case BTF_KIND_FWD:
      return fmt::format("{} {} ", btf_kflag(type) ? "union" : "struct", name);
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return fmt::format("enum {} ", name);
    case BTF_KIND_PTR:
      return target() + "* ";
    case BTF_KIND_CONST:
      return "const " + target();
    case BTF_KIND_VOLATILE:
      return "volatile " + target();
    case BTF_KIND_RESTRICT:
      return "restrict " + target();
    case BTF_KIND_TYPE_TAG:
      return target();
    case BTF_KIND_ARRAY:
      return fmt::format("{}[{}]", text_of(btf, btf_array(type)->type, depth + 1), btf_array(type)->nelems);
    default:
      return fmt::format("{} ", name);
  }
}

std::string parameter(const Btf& btf, const ::btf_param& parameter) {
  if (parameter.type == 0) return "...";
  std::string text = text_of(btf, parameter.type);
  const std::string_view name = btf.string(parameter.name_off).value_or("");
  if (!name.empty()) return text.append(name);
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

std::string prototype(const Btf& btf, std::uint32_t function) {
  const ::btf_type* const type = btf.type(function);
  if (type == nullptr || !btf_is_func(type)) return {};
  const ::btf_type* const signature = btf.type(type->type);
  if (signature == nullptr || !btf_is_func_proto(signature)) return {};
  std::string text = fmt::format("{}{}(", text_of(btf, signature->type), btf.name(function));
  for (bool first = true; const ::btf_param& one : std::span(btf_params(signature), btf_vlen(signature))) {
    if (!std::exchange(first, false)) text += ", ";
    text += parameter(btf, one);
  }
  return text + ')';
}

}  // namespace netkit::bpf
