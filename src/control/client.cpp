#include "control/client.h"

namespace netkit::control {

Client::Client(System& system, device::NamespaceRef netns, Credentials credentials)
    : system_(&system), netns_(std::move(netns)), credentials_(credentials) {
  constexpr int kStandardStreams = 3;
  for (int stream = 0; stream < kStandardStreams; ++stream) open(OtherFile{});
}

int Client::open(Handle handle) {
  int fd = 0;
  while (handles_.contains(fd)) ++fd;
  handles_.emplace(fd, std::move(handle));
  return fd;
}

Result<> Client::close(int fd) {
  if (handles_.erase(fd) == 0) return fail(EBADF);
  return {};
}

Result<int> Client::duplicate(int fd) {
  return pass(fd, *this);
}

Result<int> Client::pass(int fd, Client& to) const {
  const Handle* const handle = find(fd);
  if (handle == nullptr) return fail(EBADF);
  return to.open(*handle);
}

const Handle* Client::find(int fd) const {
  const auto found = handles_.find(fd);
  return found != handles_.end() ? &found->second : nullptr;
}

}  // namespace netkit::control
