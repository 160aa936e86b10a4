#include "cli/pinning.h"

#include <nlohmann/json.hpp>
#include <ranges>

#include "cli/errors.h"

namespace netkit::cli {

Pinning::~Pinning() {
  for (const Made& made : std::views::reverse(made_))
    (void)client_.call(made.undo, Json{{"path", made.path}});
}

Result<> Pinning::make_directory(const std::string& path) {
  const auto made = client_.call("pin.mkdir", Json{{"path", path}});
  if (made) made_.push_back({path, "pin.rmdir"});
  if (made || made.error().code == EEXIST) return {};
  return std::unexpected(made.error());
}

Result<> Pinning::pin(int fd, const std::string& path) {
  const auto pinned = client_.call("bpf.obj_pin", Json{{"fd", fd}, {"path", path}});
  if (!pinned) return std::unexpected(pinned.error());
  made_.push_back({path, "pin.unlink"});
  return {};
}

}  // namespace netkit::cli
