// Where the sockets of engines are: `netkitd.sock`, and `run-NAME.sock` for each running `netkit run`, in the
// state directory.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace netkit::daemon {

inline constexpr std::string_view kDaemonSocket = "netkitd.sock";

// Of `netkitd`, in host::state_directory().
[[nodiscard]] Result<std::filesystem::path> daemon_socket_path();
// Of `netkit run` with a topology of that name.
[[nodiscard]] Result<std::filesystem::path> run_socket_path(std::string_view topology);

}  // namespace netkit::daemon
