#include "control/object_name.h"

#include <fmt/format.h>

#include <algorithm>

namespace netkit::control {
namespace {

constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

}  // namespace

Result<> check_object_name(std::string_view name) {
  const auto stranger = std::ranges::find_if_not(name, is_name_character);
  if (stranger != name.end())
    return fail(EINVAL, fmt::format("name '{}': only letters, digits, '_' and '.' are allowed", name));
  if (name.size() >= kObjectNameLength)
    return fail(EINVAL, fmt::format("name '{}' is longer than {} bytes", name, kObjectNameLength - 1));
  return {};
}

std::string short_name(std::string_view name) {
  return std::string(name.substr(0, kObjectNameLength - 1));
}

}  // namespace netkit::control
