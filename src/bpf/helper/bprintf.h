// The format language of the print helpers (bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf): the subset of
// printf that kernel/bpf/helpers.c:bpf_bprintf_prepare lets through, rendered as lib/vsprintf.c:bstr_printf
// does.
//
//   %d %i %u %x %X, each with l or ll; %c %s %%; %p %px %pK (the address itself, where the kernel's %p and
//   %pK show a hash); %ps %pS %pB (0x and the address: there are no symbols); %pks %pus (string); %pI4 %pi4
//   %pI6 %pi6 (address in memory, network order); before any of them the flags 0 + - and space, and a decimal
//   width.
//
// Everything else is EINVAL: other conversions, a precision, more conversions than arguments, a control
// character. Bytes beyond ASCII (UTF-8) are plain text since 7.1. ENOSPC when the values and strings named
// take more than 512 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/run/regions.h"

namespace netkit::bpf {

inline constexpr std::size_t kMaxPrintArguments = 12;  // MAX_BPRINTF_VARARGS

// Renders `format` (without its terminating zero) into `out`: cut to what fits, zero-terminated unless `out`
// is empty. Strings and addresses that arguments point to are read only inside `memory`; from anywhere else
// they read as empty and zero. Returns the length of the whole text, without the zero, or a negative errno,
// `out` then untouched.
[[nodiscard]] std::int64_t bprintf(std::span<char> out, std::string_view format,
                                   std::span<const std::uint64_t> arguments, const RegionTable& memory);

}  // namespace netkit::bpf
