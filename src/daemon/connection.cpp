#include "daemon/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "control/rpc/error.h"
#include "control/rpc/protocol.h"

namespace netkit::daemon {
namespace {

constexpr std::size_t kReadSize = 65536;
constexpr std::size_t kMaxFdsAtOnce = 253;  // SCM_MAX_FD

std::vector<Fd> descriptors_of(const msghdr& header) {
  std::vector<Fd> passed;
  auto* const mutable_header = const_cast<msghdr*>(&header);  // CMSG_NXTHDR takes no other
  for (const cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
       part = CMSG_NXTHDR(mutable_header, const_cast<cmsghdr*>(part))) {
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

void Connection::proceed(std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !ended_ && !is_full()) read();
  forward_notifications();
}

std::uint32_t Connection::wanted_events() const {
  std::uint32_t events = 0;
  if (!ended_ && !is_full()) events |= EPOLLIN;
  if (has_output()) events |= EPOLLOUT;
  return events;
}

void Connection::read() {
  std::array<char, kReadSize> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFdsAtOnce * sizeof(int))> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) {
    broken_ = errno != EAGAIN && errno != EINTR;
    return;
  }
  ended_ = count == 0;
  framer_.add({bytes.data(), static_cast<std::size_t>(count)}, descriptors_of(header));
  if ((header.msg_flags & MSG_CTRUNC) != 0) {
    output_ +=
        rpc::encode_error({rpc::kInvalidRequest, "descriptors were lost: too many files are open", {}});
    ended_ = true;
    return;
  }
  serve_messages();
}

void Connection::serve_messages() {
  while (true) {
    auto message = framer_.next();
    if (!message) {
      output_ += rpc::encode_error(message.error());
      ended_ = true;
      return;
    }
    if (!*message) return;
    output_ += session_.serve((*message)->text, std::move((*message)->passed));
  }
}

void Connection::forward_notifications() {
  if (!is_full()) output_ += session_.take_notifications();
  write();
}

void Connection::write() {
  while (has_output()) {
    const ssize_t count =
        ::send(socket_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      broken_ = errno != EAGAIN && errno != EINTR;
      return;
    }
    sent_ += static_cast<std::size_t>(count);
  }
  output_.clear();
  output_.shrink_to_fit();
  sent_ = 0;
}

}  // namespace netkit::daemon
