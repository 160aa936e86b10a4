// `netkit netns exec NAME -- CMD`: into a namespace of a running instance, from another terminal.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/namespaces.h"

namespace netkit::host {

// A namespace that a running instance has or uses.
struct RunningNamespace {
  std::string name;  // as `netkit netns exec` takes it
  std::string path;  // as the keeper sees it
  pid_t keeper = 0;
  bool userns = false;  // the instance lives in namespaces of its own
};

// All of them, from the journals that a living keeper holds.
[[nodiscard]] Result<std::vector<RunningNamespace>> running_namespaces(
    const std::filesystem::path& state_directory);

// Puts the calling process into the namespace: for an unprivileged instance its user and mount namespaces
// first; then a mount namespace with a /sys of that network namespace and the files of /etc/netns/NAME over
// those of /etc, as `ip netns exec` does. Single-threaded processes only; on failure the process is good for
// nothing but an error message. `name` is only used for /etc/netns.
[[nodiscard]] Result<> enter_namespace(const RunningNamespace& space);
[[nodiscard]] Result<> enter_namespace(const NetworkNamespace& space, std::string_view name);

// Replaces the process by the command (execvp). Returns only on failure.
[[nodiscard]] Failure exec_command(const std::vector<std::string>& arguments);

}  // namespace netkit::host
