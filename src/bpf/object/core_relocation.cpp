#include "bpf/object/core_relocation.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

namespace netkit::bpf {
namespace {

// enum bpf_core_relo_kind.
enum Kind : std::uint32_t {
  kFieldRightShift = 5,
  kTypeIdLocal = 6,
  kTypeExists = 8,
  kTypeSize = 9,
  kEnumValueExists = 10,
  kEnumValue = 11,
};

// Structs of the user interface. `complete` is the size of a full definition: a smaller one leaves out
// fields, so that its offsets mean nothing. Structs that grew in time have the size at which they had the
// fields in use.
struct FixedStruct {
  std::string_view name;
  std::uint32_t complete;
};
constexpr std::array kFixedStructs = {
    FixedStruct{"__sk_buff", 152},  // up to tstamp: Linux 4.19 and later
    FixedStruct{"arphdr", 8},          FixedStruct{"bpf_fib_lookup", 64}, FixedStruct{"bpf_redir_neigh", 20},
    FixedStruct{"bpf_sock", 76},       FixedStruct{"bpf_sock_tuple", 36}, FixedStruct{"bpf_tcp_sock", 96},
    FixedStruct{"bpf_tunnel_key", 44}, FixedStruct{"ethhdr", 14},         FixedStruct{"frag_hdr", 8},
    FixedStruct{"icmp6hdr", 8},        FixedStruct{"icmphdr", 8},         FixedStruct{"in6_addr", 16},
    FixedStruct{"in_addr", 4},         FixedStruct{"ip_auth_hdr", 12},    FixedStruct{"ip_esp_hdr", 8},
    FixedStruct{"iphdr", 20},          FixedStruct{"ipv6_opt_hdr", 2},    FixedStruct{"ipv6_rt_hdr", 4},
    FixedStruct{"ipv6hdr", 40},        FixedStruct{"tcphdr", 20},         FixedStruct{"udphdr", 8},
    FixedStruct{"vlan_ethhdr", 18},    FixedStruct{"vlan_hdr", 4},
};

// "iphdr___old" is iphdr: three underscores begin a flavour.
std::string_view without_flavour(std::string_view name) {
  const auto flavour = name.find("___", 1);
  return name.substr(0, flavour);
}

std::vector<std::uint32_t> access_path(std::string_view access) {
  std::vector<std::uint32_t> path;
  while (!access.empty()) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(access.data(), access.data() + access.size(), number);
    if (error != std::errc{}) break;
    path.push_back(number);
    access.remove_prefix(static_cast<std::size_t>(end - access.data()));
    if (access.starts_with(':')) access.remove_prefix(1);
  }
  return path;
}

std::string enumerator_name(const Btf& btf, const btf_type* type, std::uint32_t index) {
  std::uint32_t name = 0;
  if (index < btf_vlen(type))
    name = btf_is_enum(type) ? btf_enum(type)[index].name_off : btf_enum64(type)[index].name_off;
  return fmt::format(".{}", btf.string(name).value_or(""));
}

// The fields on the way from a struct, "[3]" for an element of an array.
std::string field_path(const Btf& btf, std::uint32_t type_id, const std::vector<std::uint32_t>& path) {
  std::string text;
  for (std::size_t i = 1; i < path.size(); ++i) {
    type_id = btf.underlying(type_id);
    const btf_type* type = btf.type(type_id);
    if (btf_is_composite(type) && path[i] < btf_vlen(type)) {
      const btf_member& member = btf_members(type)[path[i]];
      const std::string_view name = btf.string(member.name_off).value_or("");
      if (!name.empty()) text += fmt::format(".{}", name);
      type_id = member.type;
    } else if (btf_is_array(type)) {
      text += fmt::format("[{}]", path[i]);
      type_id = btf_array(type)->type;
    } else {
      break;
    }
  }
  return text;
}

}  // namespace

bool is_fixed(const CoreRelocation& relocation, const Btf& btf) {
  if (relocation.kind == kTypeIdLocal) return true;
  const bool asks_for_layout =
      relocation.kind <= kFieldRightShift || relocation.kind == kTypeExists || relocation.kind == kTypeSize;
  if (!asks_for_layout) return false;
  const std::uint32_t root = btf.underlying(relocation.type_id);
  if (!btf_is_struct(btf.type(root))) return false;
  const auto known = std::ranges::find(kFixedStructs, without_flavour(btf.name(root)), &FixedStruct::name);
  return known != kFixedStructs.end() && btf.size(root).value_or(0) >= known->complete;
}

std::string describe(const CoreRelocation& relocation, const Btf& btf) {
  const std::uint32_t root = btf.underlying(relocation.type_id);
  const btf_type* type = btf.type(root);
  const std::vector<std::uint32_t> path = access_path(relocation.access);
  std::string text = btf.describe(root);
  const bool of_enum = relocation.kind == kEnumValueExists || relocation.kind == kEnumValue;
  if (of_enum && btf_is_any_enum(type) && !path.empty()) return text + enumerator_name(btf, type, path[0]);
  if (relocation.kind <= kFieldRightShift) text += field_path(btf, root, path);
  return text;
}

}  // namespace netkit::bpf
