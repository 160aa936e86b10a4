#include "daemon/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "base/passing.h"
#include "control/rpc/error.h"
#include "control/rpc/protocol.h"

namespace netkit::daemon {
namespace {

constexpr std::size_t kReadSize = 65536;

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
  Received received = receive_with(socket_.get(), bytes, MSG_DONTWAIT);
  if (received.count < 0) {
    broken_ = errno != EAGAIN && errno != EINTR;
    return;
  }
  ended_ = received.count == 0;
  framer_.add({bytes.data(), static_cast<std::size_t>(received.count)}, std::move(received.passed));
  if (received.lost) {
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
    const std::string answer = session_.serve((*message)->text, std::move((*message)->passed));
    if (auto passed = session_.take_passed(); !passed.empty() && !answer.empty())
      passed_.push_back({output_.size(), std::move(passed)});
    output_ += answer;
  }
}

void Connection::forward_notifications() {
  if (!is_full()) output_ += session_.take_notifications();
  write();
}

void Connection::write() {
  while (has_output()) {
    // Up to the next answer that has descriptors with it, or that answer with them.
    const bool passes = !passed_.empty() && passed_.front().at == sent_;
    const std::size_t next =
        passed_.size() > (passes ? 1U : 0U) ? passed_[passes ? 1 : 0].at : output_.size();
    const ssize_t count =
        send_with(socket_.get(), std::string_view(output_).substr(sent_, next - sent_),
                  passes ? std::span<const Fd>(passed_.front().descriptors) : std::span<const Fd>(),
                  MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      broken_ = errno != EAGAIN && errno != EINTR;
      return;
    }
    if (passes) passed_.pop_front();
    sent_ += static_cast<std::size_t>(count);
  }
  output_.clear();
  output_.shrink_to_fit();
  sent_ = 0;
}

}  // namespace netkit::daemon
