#include "runner/signals.h"

#include <cstring>
#include <ctime>
#include <string>

namespace netkit::runner {

SignalWatch::SignalWatch(Interrupt& interrupt) {
  ::sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  thread_ = std::jthread([this, &interrupt](const std::stop_token& stop) {
    constexpr timespec kTenthOfASecond{0, 100'000'000};
    while (!stop.stop_requested()) {
      const int signal = ::sigtimedwait(&signals_, nullptr, &kTenthOfASecond);
      if (signal > 0) interrupt.request(std::string("SIG") + ::sigabbrev_np(signal));
    }
  });
}

SignalWatch::~SignalWatch() {
  thread_.request_stop();
  thread_.join();
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace netkit::runner
