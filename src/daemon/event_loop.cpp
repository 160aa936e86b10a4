#include "daemon/event_loop.h"

#include <sys/epoll.h>

#include <array>

namespace netkit::daemon {

Result<EventLoop> EventLoop::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll_create1");
  return EventLoop(std::move(epoll));
}

void EventLoop::control(int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_.get(), operation, fd, &event);
}

void EventLoop::add(int fd, std::uint32_t events, Handler handler) {
  handlers_[fd] = std::make_shared<Handler>(std::move(handler));
  control(EPOLL_CTL_ADD, fd, events);
}

void EventLoop::change(int fd, std::uint32_t events) {
  control(EPOLL_CTL_MOD, fd, events);
}

void EventLoop::remove(int fd) {
  if (handlers_.erase(fd) > 0) control(EPOLL_CTL_DEL, fd, 0);
}

void EventLoop::turn(std::optional<std::chrono::milliseconds> limit) {
  std::array<epoll_event, 32> ready{};
  const int timeout = limit ? static_cast<int>(limit->count()) : -1;
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), timeout);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<std::size_t>(i)];
    const auto found = handlers_.find(event.data.fd);
    if (found == handlers_.end()) continue;  // removed by a handler before it
    const std::shared_ptr<Handler> handler = found->second;
    (*handler)(event.events);
  }
}

}  // namespace netkit::daemon
