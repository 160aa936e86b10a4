// Names inside object files: they end up in messages, tables and JSON, so a hostile one stops at the door.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace netkit::bpf {

// Longer than any mangled name in use. Bounds the work for a file whose many symbols share one huge string.
inline constexpr std::size_t kLongestName = 4096;

[[nodiscard]] constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ') || c == 0x7f;
}

// Fits in one line of text.
[[nodiscard]] constexpr bool is_printable(std::string_view name) {
  return std::ranges::none_of(name, is_control);
}

}  // namespace netkit::bpf
