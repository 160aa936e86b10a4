#include "bpf/object/kernel_config.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

namespace netkit::bpf {
namespace {

struct Setting {
  std::string_view name;
  std::string_view value;
};

// Sorted by name.
constexpr std::array kSettings = {
    Setting{"CONFIG_64BIT", "y"},
    Setting{"CONFIG_BPF", "y"},
    Setting{"CONFIG_BPF_EVENTS", "y"},
    Setting{"CONFIG_BPF_JIT", "y"},
    Setting{"CONFIG_BPF_JIT_ALWAYS_ON", "y"},
    Setting{"CONFIG_BPF_STREAM_PARSER", "y"},
    Setting{"CONFIG_BPF_SYSCALL", "y"},
    Setting{"CONFIG_CC_IS_GCC", "y"},
    Setting{"CONFIG_CGROUPS", "y"},
    Setting{"CONFIG_CGROUP_BPF", "y"},
    Setting{"CONFIG_CGROUP_NET_CLASSID", "y"},
    Setting{"CONFIG_CGROUP_NET_PRIO", "y"},
    Setting{"CONFIG_DEBUG_INFO_BTF", "y"},
    Setting{"CONFIG_DEBUG_INFO_BTF_MODULES", "y"},
    Setting{"CONFIG_DEFAULT_HOSTNAME", "\"(none)\""},
    Setting{"CONFIG_DEFAULT_TCP_CONG", "\"cubic\""},
    Setting{"CONFIG_FTRACE", "y"},
    Setting{"CONFIG_HZ", "250"},
    Setting{"CONFIG_HZ_250", "y"},
    Setting{"CONFIG_INET", "y"},
    Setting{"CONFIG_IPV6", "y"},
    Setting{"CONFIG_KALLSYMS", "y"},
    Setting{"CONFIG_KALLSYMS_ALL", "y"},
    Setting{"CONFIG_KPROBES", "y"},
    Setting{"CONFIG_MODULES", "y"},
    Setting{"CONFIG_NET", "y"},
    Setting{"CONFIG_NETDEVICES", "y"},
    Setting{"CONFIG_NETFILTER", "y"},
    Setting{"CONFIG_NETKIT", "y"},
    Setting{"CONFIG_NET_ACT_BPF", "m"},
    Setting{"CONFIG_NET_CLS_ACT", "y"},
    Setting{"CONFIG_NET_CLS_BPF", "m"},
    Setting{"CONFIG_NET_EGRESS", "y"},
    Setting{"CONFIG_NET_INGRESS", "y"},
    Setting{"CONFIG_NET_NS", "y"},
    Setting{"CONFIG_NET_SCHED", "y"},
    Setting{"CONFIG_NET_SCH_INGRESS", "m"},
    Setting{"CONFIG_NET_XGRESS", "y"},
    Setting{"CONFIG_NF_CONNTRACK", "m"},
    Setting{"CONFIG_NF_CONNTRACK_MARK", "y"},
    Setting{"CONFIG_NR_CPUS", "8192"},
    Setting{"CONFIG_PAGE_SHIFT", "12"},
    Setting{"CONFIG_PGTABLE_LEVELS", "5"},
    Setting{"CONFIG_SMP", "y"},
    Setting{"CONFIG_SYN_COOKIES", "y"},
    Setting{"CONFIG_TRACING", "y"},
    Setting{"CONFIG_VETH", "m"},
    Setting{"CONFIG_VXLAN", "m"},
    Setting{"CONFIG_X86", "y"},
    Setting{"CONFIG_X86_64", "y"},
    Setting{"CONFIG_XDP_SOCKETS", "y"},
    Setting{"CONFIG_XFRM", "y"},
    Setting{"LINUX_HAS_BPF_COOKIE", "1"},
    Setting{"LINUX_HAS_SYSCALL_WRAPPER", "1"},
    Setting{"LINUX_KERNEL_VERSION", "459520"},
};
static_assert(std::ranges::is_sorted(kSettings, {}, &Setting::name));
static_assert(kKernelVersion == 459520);

// What a variable can hold (enum kcfg_type of libbpf).
enum class Holds : std::uint8_t { kNothing, kBool, kCharacter, kNumber, kTristate, kString };

Holds holds(const Btf& btf, std::uint32_t type_id, std::size_t bytes) {
  const std::uint32_t id = btf.underlying(type_id);
  const btf_type* type = btf.type(id);
  if (type == nullptr) return Holds::kNothing;
  if (btf_is_int(type)) {
    if ((btf_int_encoding(type) & BTF_INT_BOOL) != 0) return bytes == 1 ? Holds::kBool : Holds::kNothing;
    if (bytes == 1) return Holds::kCharacter;
    return bytes == 2 || bytes == 4 || bytes == 8 ? Holds::kNumber : Holds::kNothing;
  }
  if (btf_is_any_enum(type) && bytes == 4 && btf.name(id) == "libbpf_tristate") return Holds::kTristate;
  if (!btf_is_array(type) || btf_array(type)->nelems == 0) return Holds::kNothing;
  const std::uint32_t element = btf_array(type)->type;
  return holds(btf, element, btf.size(element).value_or(0)) == Holds::kCharacter ? Holds::kString
                                                                                 : Holds::kNothing;
}

bool is_signed(const Btf& btf, std::uint32_t type_id) {
  const btf_type* type = btf.type(btf.underlying(type_id));
  return btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
}

Failure misfit(std::string_view name, std::string_view value) {
  return fail(EINVAL,
              fmt::format("the kernel setting {} is {}, which the extern's type does not hold; declare it "
                          "with another type",
                          name, value));
}

Result<> write_number(std::string_view name, std::string_view value, bool is_signed,
                      std::span<std::byte> variable) {
  const bool hexadecimal = value.starts_with("0x");
  const std::string_view digits = hexadecimal ? value.substr(2) : value;
  std::uint64_t number = 0;
  const bool negative = digits.starts_with('-');
  const auto [end, error] = std::from_chars(digits.data() + (negative ? 1 : 0), digits.data() + digits.size(),
                                            number, hexadecimal ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size()) return misfit(name, value);
  if (negative) number = 0 - number;
  const std::size_t bits = 8 * variable.size();
  if (bits < 64) {
    const auto as_signed = static_cast<std::int64_t>(number);
    const std::int64_t range = std::int64_t{1} << (bits - (is_signed ? 1 : 0));
    if (as_signed >= range || as_signed < (is_signed ? -range : 0))
      return fail(
          ERANGE,
          fmt::format("the kernel setting {} is {}, which does not fit in {} bits; declare the extern "
                      "with a larger type",
                      name, value, bits));
  }
  std::memcpy(variable.data(), &number, variable.size());
  return {};
}

Result<> write_tristate(std::string_view name, char value, Holds into, std::span<std::byte> variable) {
  constexpr std::string_view kStates = "nym";  // enum libbpf_tristate: 0, 1, 2
  const auto state = static_cast<std::uint32_t>(kStates.find(value));
  switch (into) {
    case Holds::kBool:
      if (value == 'm') return misfit(name, "m");
      variable[0] = std::byte{value == 'y'};
      return {};
    case Holds::kTristate:
      std::memcpy(variable.data(), &state, sizeof state);
      return {};
    case Holds::kCharacter:
      variable[0] = static_cast<std::byte>(value);
      return {};
    default:
      return misfit(name, std::string_view(&value, 1));
  }
}

}  // namespace

std::optional<std::string_view> kernel_setting(std::string_view name) {
  const auto found = std::ranges::lower_bound(kSettings, name, {}, &Setting::name);
  if (found == kSettings.end() || found->name != name) return std::nullopt;
  return found->value;
}

Result<> write_kernel_setting(std::string_view name, std::string_view value, const Btf& btf,
                              std::uint32_t type_id, std::span<std::byte> variable) {
  const Holds into = holds(btf, type_id, variable.size());
  if (value == "y" || value == "n" || value == "m") return write_tristate(name, value[0], into, variable);
  if (value.starts_with('"')) {
    if (into != Holds::kString) return misfit(name, value);
    const std::string_view text = value.substr(1, value.size() - 2);
    const std::size_t length = std::min(text.size(), variable.size() - 1);  // cut, as libbpf does
    std::memcpy(variable.data(), text.data(), length);
    return {};
  }
  const bool truth = into == Holds::kBool && (value == "0" || value == "1");
  if (into != Holds::kNumber && into != Holds::kCharacter && !truth) return misfit(name, value);
  return write_number(name, value, is_signed(btf, type_id), variable);
}

}  // namespace netkit::bpf
