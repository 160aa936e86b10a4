#include "bpf/run/trace_log.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <list>
#include <mutex>

#include "base/clock.h"

namespace netkit::bpf {
namespace {

constexpr std::size_t kThreadName = 16;

// trace_print_context; the five flags of the kernel's interrupt state say nothing here.
std::string line_of(std::uint32_t cpu, std::string_view text) {
  std::array<char, kThreadName> name{};
  (void)::pthread_getname_np(::pthread_self(), name.data(), name.size());
  const Nanoseconds microseconds = clock_ns(CLOCK_MONOTONIC) / 1000;
  return fmt::format("{:>16}-{:<7} [{:03}] ..... {:>5}.{:06}: bpf_trace_printk: {}", name.data(), ::gettid(),
                     cpu, microseconds / 1'000'000, microseconds % 1'000'000, text);
}

}  // namespace

struct TraceLog::State {
  std::atomic<std::uint32_t> followers{0};
  std::mutex mutex;
  std::list<Listener> listeners;
};

TraceLog::TraceLog() : state_(std::make_unique<State>()) {}

// Never destroyed: workers may print until the process ends.
TraceLog& TraceLog::instance() {
  static auto* const the_log = new TraceLog;
  return *the_log;
}

std::shared_ptr<void> TraceLog::follow(Listener listener) {
  State& log = *state_;
  const std::lock_guard guard(log.mutex);
  const auto place = log.listeners.insert(log.listeners.end(), std::move(listener));
  log.followers.fetch_add(1, std::memory_order_relaxed);
  return {&*place, [&log, place](void*) {
            const std::lock_guard removal(log.mutex);
            log.listeners.erase(place);
            log.followers.fetch_sub(1, std::memory_order_relaxed);
          }};
}

void TraceLog::publish(std::uint32_t cpu, std::string_view text) {
  State& log = *state_;
  if (log.followers.load(std::memory_order_relaxed) == 0) return;
  const std::string line = line_of(cpu, text);
  const std::lock_guard guard(log.mutex);
  for (const Listener& listener : log.listeners) listener(line);
}

}  // namespace netkit::bpf
