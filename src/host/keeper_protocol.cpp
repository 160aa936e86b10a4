#include "host/keeper_protocol.h"

#include <sys/socket.h>

#include <cstring>

#include "host/tap.h"

namespace netkit::host {
namespace {

constexpr std::size_t kMaxFds = kMaxTapQueues;
using FdControl = std::array<std::uint8_t, CMSG_SPACE(kMaxFds * sizeof(int))>;

}  // namespace

Result<> send_datagram(int socket, std::span<const std::uint8_t> bytes, std::span<const int> fds) {
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) FdControl control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fds.size() > kMaxFds) return fail(EMSGSIZE, "too many descriptors for one message");
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(item), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return fail_errno("talking to the other half of the program");
  }
  return {};
}

Result<Datagram> receive_datagram(int socket) {
  Datagram datagram;
  datagram.bytes.resize(kMaxDatagram);
  iovec part{datagram.bytes.data(), datagram.bytes.size()};
  alignas(cmsghdr) FdControl control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno("listening to the other half of the program");
  datagram.bytes.resize(static_cast<std::size_t>(size));
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
      datagram.fds.emplace_back(fd);
    }
  }
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail(EMSGSIZE, "a message was too long");
  return datagram;
}

}  // namespace netkit::host
