// How tc writes numbers: handles, classes and protocols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/endian.h"

namespace netkit::cli::tc {

// "all", "ip", "802.1Q"; one without a name is its number in brackets.
[[nodiscard]] std::string protocol_name(Be16 protocol);
// A name, or a number.
[[nodiscard]] std::optional<Be16> parse_protocol(std::string_view word);

// "ffff:", "ffff:fff1", "root", "none"
[[nodiscard]] std::string handle_name(std::uint32_t handle);
// A handle or class: "1:2", "1:", ":2", "ffff:fff1", "root"; the numbers are hexadecimal.
[[nodiscard]] std::optional<std::uint32_t> parse_handle(std::string_view word);

// Decimal, or hexadecimal behind 0x.
[[nodiscard]] std::optional<std::uint32_t> parse_number(std::string_view word);

}  // namespace netkit::cli::tc
