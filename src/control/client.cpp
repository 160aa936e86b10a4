#include "control/client.h"

namespace netkit::control {

int Client::open(Handle handle) {
  constexpr int kFirst = 3;
  int fd = kFirst;
  while (handles_.contains(fd)) ++fd;
  handles_.emplace(fd, std::move(handle));
  return fd;
}

Result<> Client::close(int fd) {
  if (handles_.erase(fd) == 0) return fail(EBADF);
  return {};
}

const Handle* Client::find(int fd) const {
  const auto found = handles_.find(fd);
  return found != handles_.end() ? &found->second : nullptr;
}

}  // namespace netkit::control
