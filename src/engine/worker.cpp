#include "engine/worker.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "bpf/map/timer.h"

namespace netkit::engine {
namespace {

// An upper bound for one sleep: whatever wake-up is missed, this is how long it lasts.
constexpr int kLongestSleepMs = 1000;

void ring(const Fd& eventfd) {
  const std::uint64_t one = 1;
  (void)!::write(eventfd.get(), &one, sizeof one);
}

// Milliseconds until the next timer is due, rounded down: the worker turns until it is.
int sleep_limit(std::uint32_t cpu) {
  const Nanoseconds next = bpf::next_timer(cpu);
  const Nanoseconds now = monotonic_ns();
  if (next <= now) return 0;
  return static_cast<int>(std::min<Nanoseconds>((next - now) / 1'000'000, kLongestSleepMs));
}

}  // namespace

struct Worker::Ports {
  std::vector<Connection> connections;
};

Result<std::unique_ptr<Worker>> Worker::start(device::Network& network, const WorkerOptions& options) {
  bpf::VirtualCpu cpu = TRY(bpf::VirtualCpu::acquire());
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno("eventfd");
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake.get();
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) < 0) return fail_errno("epoll_ctl");
  std::unique_ptr<Worker> worker(
      new Worker(network, options, std::move(cpu), std::move(wake), std::move(epoll)));
  worker->thread_ = std::jthread([raw = worker.get()](const std::stop_token& stop) { raw->run(stop); });
  return worker;
}

Worker::Worker(device::Network& network, const WorkerOptions& options, bpf::VirtualCpu cpu, Fd wake, Fd epoll)
    : network_(network),
      options_(options),
      cpu_(std::move(cpu)),
      wake_(std::move(wake)),
      epoll_(std::move(epoll)),
      ports_(std::make_unique<const Ports>()) {}

Worker::~Worker() {
  stop();
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  ring(wake_);
  thread_.join();
}

void Worker::serve(std::vector<Connection> connections) {
  // A descriptor that is closed leaves the epoll set by itself; one that is in it already stays.
  for (const Connection& connection : connections) {
    const int fd = connection.port->poll_fd();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (fd >= 0 && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0 && errno != EEXIST) {
      log::warning(std::string("cannot wait for a port: ") + std::strerror(errno));
    }
  }
  ports_.publish(std::make_unique<const Ports>(Ports{std::move(connections)}));
  ring(wake_);
}

void Worker::run(const std::stop_token& stop) {
  const rcu::Reader reader;
  const bpf::TimerLoop timers(cpu_.number(), wake_.get());
  device::Execution execution(network_, cpu_.number(), pool_);
  execution.outside().trace_self = options_.trace_self;
  execution.outside().trace = options_.trace;
  execution.set_sockets(options_.sockets);
  execution.set_fault_report(options_.fault, options_.fault_self);
  execution.set_instruction_limit(options_.instruction_limit);
  Nanoseconds last_moved = monotonic_ns();
  const auto spin = static_cast<Nanoseconds>(std::chrono::nanoseconds(options_.spin).count());
  while (!stop.stop_requested()) {
    if (turn(execution)) {
      last_moved = monotonic_ns();
    } else if (monotonic_ns() - last_moved >= spin) {
      sleep();
    }
  }
  execution.settle();
  execution.quiescent();
}

bool Worker::turn(device::Execution& execution) {
  bool moved = false;
  bool gone = false;
  for (const Connection& connection : ports_.read()->connections) {
    PacketBatch batch;
    connection.port->receive(pool_, batch);
    gone |= connection.port->state() == PortState::kGone;
    if (batch.empty()) continue;
    moved = true;
    execution.transmit(*connection.device, batch);
  }
  moved |= execution.run_timers() > 0;
  moved |= execution.drain() > 0;
  execution.flush();
  execution.quiescent();
  if (gone && options_.port_gone != nullptr) options_.port_gone(options_.port_gone_self);
  return moved || !execution.idle();
}

void Worker::sleep() {
  const rcu::Offline offline;
  std::array<epoll_event, 8> events{};
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), sleep_limit(cpu_.number()));
  for (int i = 0; i < count; ++i) {
    if (events[static_cast<std::size_t>(i)].data.fd != wake_.get()) continue;
    std::uint64_t rings = 0;
    (void)!::read(wake_.get(), &rings, sizeof rings);
  }
}

}  // namespace netkit::engine
