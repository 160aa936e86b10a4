// Waits for many descriptors at once (epoll) and calls whoever waits for one. It has no timers: idle means
// asleep.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::daemon {

class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  // EPOLLIN and its like

  [[nodiscard]] static Result<EventLoop> make();

  // The descriptor stays its owner's, who removes it before closing it. A handler may remove itself or
  // others.
  void add(int fd, std::uint32_t events, Handler handler);
  void change(int fd, std::uint32_t events);
  void remove(int fd);
  // Sleeps until something is ready, at most so long, and calls the handlers of what is.
  void turn(std::optional<std::chrono::milliseconds> limit = std::nullopt);

 private:
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  void control(int operation, int fd, std::uint32_t events);

  Fd epoll_;
  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
};

}  // namespace netkit::daemon
