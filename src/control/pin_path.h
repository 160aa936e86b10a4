// A path of the tree of pins, taken apart.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace netkit::control {

inline constexpr std::string_view kPinMount = "/sys/fs/bpf";

struct PinPath {
  std::vector<std::string_view> parts;  // below the mount point, without "."; may contain ".."
  bool wants_directory = false;         // ends with '/', "." or ".."
};

// ENOENT: empty; ENAMETOOLONG: 4,096 bytes or more; `outside`: does not begin with the mount point.
[[nodiscard]] Result<PinPath> parse_pin_path(std::string_view path, int outside = EPERM);

}  // namespace netkit::control
