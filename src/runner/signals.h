// SIGINT, SIGTERM and SIGHUP as a wish to end.
#pragma once

#include <signal.h>

#include <thread>

#include "runner/interrupt.h"

namespace netkit::runner {

// From construction on these signals are blocked in this thread and all that it starts, and one thread of
// ours takes them. To be made after the keeper has forked: children of the keeper must not inherit the mask.
class SignalWatch {
 public:
  explicit SignalWatch(Interrupt& interrupt);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  sigset_t signals_{};
  sigset_t before_{};
  std::jthread thread_;
};

}  // namespace netkit::runner
