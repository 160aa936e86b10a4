#include "host/stale_sockets.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace netkit::host {
namespace {

bool is_stale(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

std::vector<std::string> remove_stale_sockets(const std::filesystem::path& directory) {
  std::vector<std::string> removed;
  const Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return removed;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().native();
    const bool of_a_run = name.starts_with("run-") && name.ends_with(".sock") && entry.is_socket(error);
    if (of_a_run && is_stale(entry.path()) && ::unlink(entry.path().c_str()) == 0)
      removed.push_back("removed the socket " + entry.path().native());
  }
  return removed;
}

}  // namespace netkit::host
