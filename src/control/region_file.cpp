#include "control/region_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace netkit::control {
namespace {

namespace fs = std::filesystem;

}  // namespace

Result<> name_region(const std::string& root, std::string_view place, const bpf::Map& map) {
  if (!map.memory().linkable()) return {};
  const fs::path name = fs::path(root) / place;
  std::error_code error;
  fs::create_directories(name.parent_path(), error);
  if (error) {
    return fail(error.value(), fmt::format("cannot make the directory '{}' for a pinned map: {}",
                                           name.parent_path().native(), error.message()));
  }
  ::unlink(name.c_str());
  // Needs no capability, unlike AT_EMPTY_PATH.
  const std::string file = fmt::format("/proc/self/fd/{}", map.memory().file());
  if (::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  if (errno == ENOENT) return {};
  return fail_errno(
      fmt::format("cannot link the region of map '{}' as '{}'", map.spec().name, name.native()));
}

void forget_region(const std::string& root, std::string_view place) {
  const fs::path top(root);
  fs::path name = top / place;
  ::unlink(name.c_str());
  for (name = name.parent_path(); name != top; name = name.parent_path()) {
    if (::rmdir(name.c_str()) != 0) return;
  }
}

}  // namespace netkit::control
