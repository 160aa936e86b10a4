// Numbers in text, and comparison of texts: bpf_strtol, bpf_strtoul, bpf_strncmp.
#include <cerrno>
#include <cstdint>
#include <limits>
#include <string_view>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

constexpr std::size_t kMaxDigits = 63;  // the kernel looks at no more of a number

// isspace of the kernel's table of characters, which is that of Latin-1.
constexpr bool is_space(char c) {
  const auto code = static_cast<unsigned char>(c);
  return c == ' ' || (code >= '\t' && code <= '\r') || code == 0xa0;
}
constexpr unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? static_cast<unsigned>(lower - 'a' + 10) : 16;
}
constexpr bool is_hex_prefix(std::string_view text) {
  return text.size() >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
}

// How a text without sign is read when the base is left open (_parse_integer_fixup_radix).
constexpr unsigned base_of(std::string_view text) {
  if (text.empty() || text[0] != '0') return 10;
  return is_hex_prefix(text) && text.size() > 2 && digit(text[2]) < 16 ? 16 : 8;
}

struct Number {
  std::uint64_t magnitude = 0;
  bool negative = false;
  std::int64_t length = 0;  // characters that it took, or -errno
};

// __bpf_strtoull
Number parse(std::string_view text, std::uint64_t flags) {
  constexpr std::uint64_t kBaseMask = 0x1f;
  unsigned base = static_cast<unsigned>(flags & kBaseMask);
  if (base != 0 && base != 8 && base != 10 && base != 16) return {.length = -EINVAL};
  if ((flags & ~kBaseMask) != 0) return {.length = -EINVAL};

  std::string_view rest = text;
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  Number number;
  if (!rest.empty() && rest.front() == '-') {
    number.negative = true;
    rest.remove_prefix(1);
  }
  rest = rest.substr(0, kMaxDigits);
  const std::size_t before = static_cast<std::size_t>(rest.data() - text.data());
  if (base == 0) base = base_of(rest);
  const std::size_t prefix = base == 16 && is_hex_prefix(rest) ? 2 : 0;

  std::size_t used = prefix;
  bool overflow = false;
  for (; used < rest.size() && digit(rest[used]) < base; ++used) {
    const unsigned value = digit(rest[used]);
    overflow |= number.magnitude > (std::numeric_limits<std::uint64_t>::max() - value) / base;
    number.magnitude = number.magnitude * base + value;
  }
  if (overflow) return {.length = -ERANGE};
  if (used == prefix) return {.length = -EINVAL};
  number.length = static_cast<std::int64_t>(before + used);
  return number;
}

std::int64_t strtol(RunContext&, const char* text, std::uint32_t size, std::uint64_t flags,
                    std::int64_t& value) {
  value = 0;
  const Number number = parse({text, size}, flags);
  if (number.length < 0) return number.length;
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (number.magnitude > kMost + (number.negative ? 1 : 0)) return -ERANGE;
  value = static_cast<std::int64_t>(number.negative ? 0 - number.magnitude : number.magnitude);
  return number.length;
}

std::int64_t strtoul(RunContext&, const char* text, std::uint32_t size, std::uint64_t flags,
                     std::uint64_t& value) {
  value = 0;
  const Number number = parse({text, size}, flags);
  if (number.length < 0) return number.length;
  if (number.negative) return -EINVAL;
  value = number.magnitude;
  return number.length;
}

std::int64_t strncmp(RunContext&, const char* first, std::uint32_t size, const char* second) {
  for (std::uint32_t i = 0; i < size; ++i) {
    const auto a = static_cast<unsigned char>(first[i]);
    const auto b = static_cast<unsigned char>(second[i]);
    if (a != b) return a < b ? -1 : 1;
    if (a == 0) break;
  }
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 105,
     .name = "strtol",
     .contract = {.arguments = {Arg::kMem, Arg::kSize, Arg::kAnything, Arg::kLongOut}},
     .function = helper_call<strtol>},
    {.number = 106,
     .name = "strtoul",
     .contract = {.arguments = {Arg::kMem, Arg::kSize, Arg::kAnything, Arg::kLongOut}},
     .function = helper_call<strtoul>},
    {.number = 182,
     .name = "strncmp",
     .contract = {.arguments = {Arg::kMem, Arg::kSize, Arg::kConstString}},
     .function = helper_call<strncmp>},
};

}  // namespace

std::span<const Helper> number_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
