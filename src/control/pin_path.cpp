#include "control/pin_path.h"

#include <fmt/format.h>

namespace netkit::control {
namespace {

constexpr std::size_t kPathMax = 4096;  // with the terminating zero

}  // namespace

Result<PinPath> parse_pin_path(std::string_view path, int outside) {
  if (path.empty()) return fail(ENOENT, "the path is empty");
  if (path.size() >= kPathMax) return fail(ENAMETOOLONG, "the path is longer than 4095 bytes");
  std::string_view rest = path;
  const bool inside =
      rest.starts_with(kPinMount) && (rest.size() == kPinMount.size() || rest[kPinMount.size()] == '/');
  if (!inside) return fail(outside, fmt::format("'{}': pins live under {}", path, kPinMount));
  rest.remove_prefix(kPinMount.size());

  PinPath parsed;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    parsed.wants_directory = part == "." || part == "..";
    if (!part.empty() && part != ".") parsed.parts.push_back(part);
  }
  if (path.ends_with('/')) parsed.wants_directory = true;
  return parsed;
}

}  // namespace netkit::control
