#include "runner/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>

namespace netkit::runner {

Result<Interrupt> Interrupt::make() {
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail_errno("eventfd");
  return Interrupt(std::move(event));
}

Interrupt::Interrupt(Interrupt&& other) noexcept : event_(std::move(other.event_)), reason_(other.reason()) {}

void Interrupt::request(std::string reason) {
  const std::lock_guard guard(mutex_);
  if (!reason_.empty()) return;
  reason_ = std::move(reason);
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

bool Interrupt::requested() const {
  const std::lock_guard guard(mutex_);
  return !reason_.empty();
}

std::string Interrupt::reason() const {
  const std::lock_guard guard(mutex_);
  return reason_;
}

bool Interrupt::wait(std::chrono::milliseconds time) const {
  pollfd waiting{event_.get(), POLLIN, 0};
  return ::poll(&waiting, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace netkit::runner
