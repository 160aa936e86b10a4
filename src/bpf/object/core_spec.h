// CO-RE relocations ("compile once, run everywhere"): what they ask, and the path through types that they ask
// it about.
//
// Theory of operation. clang records, beside an instruction, a type of the object and an access such as
// "0:1:2" (element 0 of the pointer, member 1, member 2). parse_core_spec turns that into a path of names and
// array elements; match_core_spec (core_match.h) walks the same names through a type of the kernel;
// core_value.h computes from both paths what the instruction says now and what it must say; patch_core
// (core_patch.h) writes it. Rules and limits are those of libbpf (tools/lib/bpf/relo_core.c), so that an
// object is relocated here as it is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// enum bpf_core_relo_kind.
enum class CoreKind : std::uint32_t {
  kFieldByteOffset = 0,
  kFieldByteSize = 1,
  kFieldExists = 2,
  kFieldSigned = 3,
  kFieldLeftShift = 4,
  kFieldRightShift = 5,
  kTypeIdLocal = 6,
  kTypeIdTarget = 7,
  kTypeExists = 8,
  kTypeSize = 9,
  kEnumValueExists = 10,
  kEnumValue = 11,
  kTypeMatches = 12,
};
[[nodiscard]] bool asks_about_field(CoreKind kind);
[[nodiscard]] bool asks_about_type(CoreKind kind);
[[nodiscard]] bool asks_about_enumerator(CoreKind kind);

inline constexpr std::size_t kLongestCoreAccess = 64;  // BPF_CORE_SPEC_MAX_LEN

// A step into a struct, union, array or enum. Members without a name are no steps: what lies in an anonymous
// struct is a member of the struct around it.
struct CoreStep {
  std::uint32_t type_id = 0;  // of the struct, union or enum; of an array's element
  std::uint32_t index = 0;    // member, element or enumerator
  std::string_view name{};    // of the member or enumerator; empty: an array element
};

struct CoreSpec {
  std::uint32_t root = 0;         // type
  std::vector<CoreStep> steps{};  // empty for questions about types
  std::uint64_t bit_offset = 0;   // from the start of the root
};

// EINVAL: an access that does not fit the type; E2BIG: one of more than kLongestCoreAccess steps.
[[nodiscard]] Result<CoreSpec> parse_core_spec(const Btf& btf, const CoreRelocation& relocation);

// The array at the end of a struct that was declared without a number of elements: any index is inside.
[[nodiscard]] bool is_flexible_array(const Btf& btf, const CoreStep& member, std::uint32_t elements);

// "iphdr___old" is iphdr: three underscores between other characters begin a flavour.
[[nodiscard]] std::string_view without_flavour(std::string_view name);

// "struct sk_buff.dev.ifindex", "enum bpf_func_id.BPF_FUNC_loop", "struct net_device".
[[nodiscard]] std::string describe(const CoreRelocation& relocation, const Btf& btf);

}  // namespace netkit::bpf
