// The wish to end early (Ctrl-C, SIGTERM, a namespace or the keeper that vanished), as a descriptor that
// every wait of a run also watches.
#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::runner {

class Interrupt {
 public:
  [[nodiscard]] static Result<Interrupt> make();
  Interrupt(Interrupt&& other) noexcept;

  // From any thread; the first reason stays.
  void request(std::string reason);
  [[nodiscard]] bool requested() const;
  [[nodiscard]] std::string reason() const;
  // Readable from the first request on.
  [[nodiscard]] int poll_fd() const { return event_.get(); }
  // Sleeps; true when the sleep was cut short.
  [[nodiscard]] bool wait(std::chrono::milliseconds time) const;

 private:
  explicit Interrupt(Fd event) : event_(std::move(event)) {}
  Fd event_;
  mutable std::mutex mutex_;
  std::string reason_;
};

}  // namespace netkit::runner
