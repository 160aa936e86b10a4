// Read-copy-update: readers without locks, publication of immutable snapshots, deferred reclamation.
// A thin wrapper of liburcu's QSBR flavour (quiescent-state based: a reader says now and then that it holds
// nothing, which costs it nothing in between).
//
// Theory of operation. A thread that reads published data registers once (Reader). While it runs it is
// online; between batches it calls quiescent(), and before it may block it goes offline (Offline). A thread
// that only now and then reads (control, tests, embedder) uses Section, which registers on first use and is
// online just inside. Writers publish with Published::exchange and hand the old snapshot to retire(), which
// frees it after a grace period on a thread of its own; nobody on the data path ever waits.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

namespace netkit::rcu {

// Registers the calling thread as a reader for the life of the object and leaves it online.
class Reader {
 public:
  Reader();
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
};

// The calling reader holds no reference to published data at this point.
void quiescent();

// The calling reader holds nothing for the object's life: wrap every call that may block in it.
class Offline {
 public:
  Offline();
  ~Offline();
  Offline(const Offline&) = delete;
  Offline& operator=(const Offline&) = delete;
};

// A read section for threads that are not data path readers; nests, and is free inside a Reader's thread.
class Section {
 public:
  Section();
  ~Section();
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
};

// Waits until every reader has been quiescent. Never call it from a thread that is online.
void synchronize();

// Runs `reclaim` after a grace period on the reclaiming thread. Callable from any thread; does not wait.
void retire(std::move_only_function<void()> reclaim);

// Waits until everything retired so far has been reclaimed (end of a test or of the process).
void drain();

// A pointer to an immutable snapshot: readers load it inside a read section, one writer at a time swaps it.
template <class T>
class Published {
 public:
  Published() = default;
  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  ~Published() { delete current_.load(std::memory_order_relaxed); }
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  [[nodiscard]] const T* read() const { return current_.load(std::memory_order_acquire); }
  // Publishes `next`; the previous snapshot is deleted after a grace period.
  void publish(std::unique_ptr<const T> next) {
    const T* old = current_.exchange(next.release(), std::memory_order_acq_rel);
    if (old != nullptr) retire([old] { delete old; });
  }

 private:
  std::atomic<const T*> current_{nullptr};
};

}  // namespace netkit::rcu
