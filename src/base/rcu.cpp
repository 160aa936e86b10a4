#include "base/rcu.h"

#include <urcu-qsbr.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#ifdef NETKIT_TSAN
extern "C" void __tsan_acquire(void* addr);
extern "C" void __tsan_release(void* addr);
#endif

namespace netkit::rcu {
namespace {

// liburcu 0.13 has no ThreadSanitizer annotations: tell it of the order that a grace period gives.
char grace_period_token;
void announce_quiescence() {
#ifdef NETKIT_TSAN
  __tsan_release(&grace_period_token);
#endif
}
void after_grace_period() {
#ifdef NETKIT_TSAN
  __tsan_acquire(&grace_period_token);
#endif
  (void)grace_period_token;
}

// How the calling thread takes part. `sections` counts nested Section objects of a thread that is
// registered only because of them.
struct ThreadState {
  bool reader = false;
  bool registered_for_sections = false;
  int sections = 0;

  ~ThreadState() {
    if (!registered_for_sections) return;
    announce_quiescence();
    urcu_qsbr_unregister_thread();
  }
};
thread_local ThreadState thread_state;

// Frees what was retired, in batches, one grace period a batch.
class Reclaimer {
 public:
  static Reclaimer& instance() {
    static Reclaimer reclaimer;
    return reclaimer;
  }

  void retire(std::move_only_function<void()> reclaim) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(reclaim));
    }
    wake_.notify_one();
  }

  void drain() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return waiting_.empty() && !busy_; });
  }

 private:
  Reclaimer() : thread_([this](const std::stop_token& stop) { run(stop); }) {}
  ~Reclaimer() {
    thread_.request_stop();
    wake_.notify_one();
    thread_.join();
  }

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, stop, [this] { return !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::vector<std::move_only_function<void()>> batch;
      batch.swap(waiting_);
      busy_ = true;
      lock.unlock();
      synchronize();
      for (auto& reclaim : batch) reclaim();
      batch.clear();
      lock.lock();
      busy_ = false;
      if (waiting_.empty()) idle_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::condition_variable idle_;
  std::vector<std::move_only_function<void()>> waiting_;
  bool busy_ = false;
  std::jthread thread_;
};

}  // namespace

Reader::Reader() {
  if (!thread_state.registered_for_sections) urcu_qsbr_register_thread();
  thread_state.reader = true;
  urcu_qsbr_thread_online();
}

Reader::~Reader() {
  announce_quiescence();
  thread_state.reader = false;
  if (thread_state.registered_for_sections) {
    urcu_qsbr_thread_offline();
  } else {
    urcu_qsbr_unregister_thread();
  }
}

void quiescent() {
  announce_quiescence();
  urcu_qsbr_quiescent_state();
}

Offline::Offline() {
  announce_quiescence();
  urcu_qsbr_thread_offline();
}
Offline::~Offline() {
  urcu_qsbr_thread_online();
}

Section::Section() {
  if (thread_state.reader) return;
  if (!thread_state.registered_for_sections) {
    urcu_qsbr_register_thread();
    thread_state.registered_for_sections = true;
    urcu_qsbr_thread_offline();
  }
  if (thread_state.sections++ == 0) urcu_qsbr_thread_online();
}

Section::~Section() {
  if (thread_state.reader) return;
  if (--thread_state.sections > 0) return;
  announce_quiescence();
  urcu_qsbr_thread_offline();
}

void synchronize() {
  urcu_qsbr_synchronize_rcu();
  after_grace_period();
}

void retire(std::move_only_function<void()> reclaim) {
  Reclaimer::instance().retire(std::move(reclaim));
}

void drain() {
  Reclaimer::instance().drain();
}

}  // namespace netkit::rcu
