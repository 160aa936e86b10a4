#include "base/passing.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace netkit {
namespace {

constexpr std::size_t kControlSize = CMSG_SPACE(kMostPassed * sizeof(int));

std::vector<Fd> descriptors_of(msghdr& header) {
  std::vector<Fd> passed;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      passed.emplace_back(fd);
    }
  }
  return passed;
}

}  // namespace

ssize_t send_with(int socket, std::string_view bytes, std::span<const Fd> passed, int flags) {
  alignas(cmsghdr) std::array<char, kControlSize> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // sendmsg only reads it
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!passed.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(passed.size() * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(passed.size() * sizeof(int));
    for (std::size_t i = 0; i < passed.size(); ++i) {
      const int fd = passed[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  return ::sendmsg(socket, &header, flags);
}

Received receive_with(int socket, std::span<char> room, int flags) {
  alignas(cmsghdr) std::array<char, kControlSize> control;
  iovec part{room.data(), room.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  if (count < 0) return {};
  return {count, descriptors_of(header), (header.msg_flags & MSG_CTRUNC) != 0};
}

}  // namespace netkit
