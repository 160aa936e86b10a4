#include "bpf/map/timer.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/per_cpu.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"
#include "bpf/run/memory_access.h"

namespace netkit::bpf {
namespace {

constexpr int kNoLoop = -1;

struct Timer {
  std::uint32_t map = 0;  // id
  std::byte* value = nullptr;
  clockid_t clock = CLOCK_MONOTONIC;
  ProgramRef program{};
  std::uint64_t function = 0;
  std::uint32_t cpu = 0;  // in whose queue it waits
  Nanoseconds deadline = kNever;
};

struct Queue {
  std::set<std::pair<Nanoseconds, std::uint32_t>> waiting{};  // deadline, number of the timer
  std::atomic<Nanoseconds> next{kNever};
  std::uint32_t running = 0;  // the timer whose callback this CPU runs
  int wake = kNoLoop;

  void publish_next() {
    next.store(waiting.empty() ? kNever : waiting.begin()->first, std::memory_order_release);
  }
};

class Timers {
 public:
  // Never destroyed: maps may outlive the statics of main.
  static Timers& instance() {
    static Timers& timers = *new Timers;
    return timers;
  }

  std::mutex mutex;
  std::vector<Queue> queues = std::vector<Queue>(possible_cpus());

  // For the holder of the lock. Null: the member holds none.
  Timer* find(const void* field) {
    const auto found = timers_.find(number_in(field));
    return found == timers_.end() ? nullptr : &found->second;
  }
  std::uint32_t number_in(const void* field) const { return shared_load<std::uint32_t>(field); }

  void add(void* field, Timer timer) {
    while (++last_ == 0 || timers_.contains(last_)) continue;
    timers_.emplace(last_, std::move(timer));
    shared_store(field, last_);
  }
  // Gives back what the timer kept alive, to be let go of without the lock.
  ProgramRef remove(void* field) {
    Timer* timer = find(field);
    if (timer == nullptr) return nullptr;
    stop(field, *timer);
    ProgramRef program = std::move(timer->program);
    timers_.erase(number_in(field));
    shared_store<std::uint32_t>(field, 0);
    return program;
  }

  // False: it did not wait.
  bool stop(const void* field, Timer& timer) { return stop(number_in(field), timer); }
  void start(const void* field, Timer& timer, Nanoseconds deadline, std::uint32_t cpu) {
    stop(field, timer);
    timer.cpu = queue_for(cpu);
    timer.deadline = deadline;
    Queue& queue = queues[timer.cpu];
    queue.waiting.emplace(deadline, number_in(field));
    queue.publish_next();
    const std::uint64_t one = 1;
    if (timer.cpu != cpu && ::write(queue.wake, &one, sizeof one) < 0) return;  // full: it is awake
  }
  // The first one of a CPU that is due; null: none.
  Timer* take_due(std::uint32_t cpu, Nanoseconds now) {
    Queue& queue = queues[cpu];
    if (queue.waiting.empty() || queue.waiting.begin()->first > now) return nullptr;
    const std::uint32_t number = queue.waiting.begin()->second;
    Timer& timer = timers_.at(number);
    stop(number, timer);
    queue.running = number;
    return &timer;
  }

 private:
  bool stop(std::uint32_t number, Timer& timer) {
    if (timer.deadline == kNever) return false;
    Queue& queue = queues[timer.cpu];
    queue.waiting.erase({timer.deadline, number});
    queue.publish_next();
    timer.deadline = kNever;
    return true;
  }
  [[nodiscard]] std::uint32_t queue_for(std::uint32_t cpu) const {
    if (queues[cpu].wake != kNoLoop) return cpu;
    for (std::uint32_t other = 0; other < queues.size(); ++other) {
      if (queues[other].wake != kNoLoop) return other;
    }
    return cpu;
  }

  std::map<std::uint32_t, Timer> timers_;  // by number
  std::uint32_t last_ = 0;
};

// On CLOCK_MONOTONIC.
Nanoseconds deadline_of(const Timer& timer, Nanoseconds after, bool absolute) {
  const Nanoseconds now = monotonic_ns();
  if (absolute) {
    const Nanoseconds clock_now = clock_ns(timer.clock);
    after = after > clock_now ? after - clock_now : 0;
  }
  return after > kNever - 1 - now ? kNever - 1 : now + after;
}

}  // namespace

std::int64_t timer_init(Map& map, void* field, std::uint64_t flags) {
  if (flags != CLOCK_REALTIME && flags != CLOCK_MONOTONIC && flags != CLOCK_BOOTTIME) return -EINVAL;
  const SpecialField* member = map.spec().find_field(FieldKind::kTimer);
  if (member == nullptr) return -EINVAL;
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  if (timers.find(field) != nullptr) return -EBUSY;
  if (!map.has_user_references()) return -EPERM;
  timers.add(field, {.map = map.id(),
                     .value = static_cast<std::byte*>(field) - member->offset,
                     .clock = static_cast<clockid_t>(flags)});
  return 0;
}

std::int64_t timer_set_callback(void* field, ProgramRef program, std::uint64_t function) {
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  Timer* timer = timers.find(field);
  if (timer == nullptr) return -EINVAL;
  const auto map = MapTable::instance().find(timer->map);
  if (map == nullptr || !map->has_user_references()) return -EPERM;
  timer->program.swap(program);
  timer->function = function;
  return 0;
}

std::int64_t timer_start(void* field, Nanoseconds after, std::uint64_t flags, std::uint32_t cpu) {
  if ((flags & ~(kTimerAbsolute | kTimerPinned)) != 0) return -EINVAL;
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  Timer* timer = timers.find(field);
  if (timer == nullptr || timer->program == nullptr) return -EINVAL;
  timers.start(field, *timer, deadline_of(*timer, after, (flags & kTimerAbsolute) != 0), cpu);
  return 0;
}

std::int64_t timer_cancel(void* field, std::uint32_t cpu) {
  ProgramRef program;  // let go of without the lock
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  Timer* timer = timers.find(field);
  if (timer == nullptr) return -EINVAL;
  if (timers.queues[cpu].running == timers.number_in(field)) return -EDEADLK;
  timer->program.swap(program);
  return timers.stop(field, *timer) ? 1 : 0;
}

void free_timer(void* field) {
  if (shared_load<std::uint32_t>(field) == 0) return;
  ProgramRef program;
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  program = timers.remove(field);
}

Nanoseconds next_timer(std::uint32_t cpu) {
  return Timers::instance().queues[cpu].next.load(std::memory_order_acquire);
}

std::optional<DueTimer> DueTimer::take(std::uint32_t cpu, Nanoseconds now) {
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  while (const Timer* timer = timers.take_due(cpu, now)) {
    if (auto map = MapTable::instance().find(timer->map))
      return DueTimer(cpu, std::move(map), timer->program, timer->function, timer->value);
  }
  return std::nullopt;
}

DueTimer::DueTimer(std::uint32_t cpu, std::shared_ptr<Map> map, ProgramRef program, std::uint64_t function,
                   std::byte* value)
    : cpu_(cpu), map_(std::move(map)), program_(std::move(program)), function_(function), value_(value) {}

DueTimer::DueTimer(DueTimer&& other) noexcept = default;

DueTimer::~DueTimer() {
  if (map_ == nullptr) return;
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  timers.queues[cpu_].running = 0;
}

TimerLoop::TimerLoop(std::uint32_t cpu, int wake) : cpu_(cpu) {
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  timers.queues[cpu].wake = wake;
}

TimerLoop::~TimerLoop() {
  Timers& timers = Timers::instance();
  const std::lock_guard lock(timers.mutex);
  timers.queues[cpu_].wake = kNoLoop;
}

}  // namespace netkit::bpf
