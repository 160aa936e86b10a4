#include "daemon/socket_path.h"

#include <algorithm>
#include <string>

#include "host/sandbox.h"

namespace netkit::daemon {

Result<std::filesystem::path> daemon_socket_path() {
  return TRY(host::state_directory()) / kDaemonSocket;
}

Result<std::filesystem::path> run_socket_path(std::string_view topology) {
  std::string name(topology.substr(0, 64));  // a socket's path has 107 bytes
  std::ranges::replace(name, '/', '_');
  return TRY(host::state_directory()) / ("run-" + name + ".sock");
}

}  // namespace netkit::daemon
