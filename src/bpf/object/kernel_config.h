// What "the kernel" says of its configuration: the externs of .kconfig (libbpf's
// bpf_object__resolve_externs).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "bpf/object/btf.h"

namespace netkit::bpf {

// Linux 7.3, in the form of KERNEL_VERSION().
inline constexpr std::uint32_t kKernelVersion = 7U << 16 | 3U << 8;

// As .config writes it: "y", "m", "250", "\"lz4\"". None: not set. The settings are those of an x86-64 kernel
// at 250 Hz, so that a program behaves the same on every machine.
[[nodiscard]] std::optional<std::string_view> kernel_setting(std::string_view name);

// Writes a setting into an extern variable of that type (bool, char, a number, enum libbpf_tristate or an
// array of char). EINVAL: the type cannot hold what the setting is; ERANGE: a number too large for it.
[[nodiscard]] Result<> write_kernel_setting(std::string_view name, std::string_view value, const Btf& btf,
                                            std::uint32_t type_id, std::span<std::byte> variable);

}  // namespace netkit::bpf
