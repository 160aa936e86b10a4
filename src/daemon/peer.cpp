// A process id can be given to another process at any time. Where the kernel has it, a pidfd taken from the
// socket holds the very process that connected; elsewhere its start time, read before and after, tells
// whether it was the same one all the time.
#include "daemon/peer.h"

#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "base/fd.h"

namespace netkit::daemon {
namespace {

constexpr int kPeerPidFd = 77;  // SO_PEERPIDFD, Linux 6.5

Fd peer_pidfd(int socket) {
  int pidfd = -1;
  socklen_t length = sizeof pidfd;
  if (::getsockopt(socket, SOL_SOCKET, kPeerPidFd, &pidfd, &length) != 0) return Fd();
  return Fd(pidfd);
}

bool has_ended(const Fd& pidfd) {
  pollfd waiting{pidfd.get(), POLLIN, 0};
  return ::poll(&waiting, 1, 0) != 0;
}

// Field 22 of /proc/PID/stat, in clock ticks since boot.
std::optional<std::uint64_t> start_time(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(behind_name + 1));
  constexpr int kBefore = 19;  // fields 3 to 21
  std::string skipped;
  for (int i = 0; i < kBefore; ++i) fields >> skipped;
  std::uint64_t time = 0;
  if (!(fields >> time)) return std::nullopt;
  return time;
}

device::NamespaceRef netns_of(int socket, pid_t pid, const rpc::Service& service) {
  if (pid <= 0) return nullptr;  // of a process id namespace that we don't see
  const Fd pidfd = peer_pidfd(socket);
  const auto before = start_time(pid);
  auto netns = service.netns_of_process(pid);
  const bool same = pidfd ? !has_ended(pidfd) : before && before == start_time(pid);
  return netns && same ? *std::move(netns) : nullptr;
}

}  // namespace

Result<rpc::Caller> identify_peer(int socket, const rpc::Service& service) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return fail_errno("SO_PEERCRED");
  }
  return rpc::Caller{.credentials = service.credentials_of(credentials.uid),
                     .netns = netns_of(socket, credentials.pid, service)};
}

}  // namespace netkit::daemon
