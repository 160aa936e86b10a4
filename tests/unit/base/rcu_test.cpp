#include "base/rcu.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace netkit {
namespace {

// A snapshot whose fields always agree; its destructor spoils them, so that a reader of freed memory notices.
struct Snapshot {
  explicit Snapshot(int n) { fields.fill(n); }
  ~Snapshot() {
    fields.fill(-1);
    ++destroyed;
  }
  std::array<int, 8> fields{};
  static inline std::atomic<int> destroyed = 0;
};

TEST(Rcu, ReadersSeeWholeSnapshotsWhileAWriterPublishes) {
  Snapshot::destroyed = 0;
  rcu::Published<Snapshot> published(std::make_unique<Snapshot>(0));
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      const rcu::Reader reader;
      while (!stop) {
        const Snapshot* snapshot = published.read();
        for (const int field : snapshot->fields) torn += field < 0 || field != snapshot->fields[0];
        rcu::quiescent();
      }
    });
  }
  for (int n = 1; n <= 200; ++n) published.publish(std::make_unique<Snapshot>(n));
  rcu::drain();
  stop = true;
  readers.clear();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(Snapshot::destroyed, 200);
}

TEST(Rcu, AnOfflineReaderHoldsNobodyUp) {
  std::atomic<bool> offline = false;
  std::atomic<bool> stop = false;
  std::jthread sleeper([&] {
    const rcu::Reader reader;
    const rcu::Offline blocked;
    offline = true;
    stop.wait(false);
  });
  while (!offline) std::this_thread::yield();
  rcu::synchronize();
  stop = true;
  stop.notify_one();
}

TEST(Rcu, RetiredWorkWaitsForASectionThatIsOpen) {
  std::atomic<bool> reclaimed = false;
  std::atomic<bool> seen_inside = false;
  {
    const rcu::Section outer;
    {
      const rcu::Section nested;
      rcu::retire([&] { reclaimed = true; });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    seen_inside = reclaimed.load();
  }
  rcu::drain();
  EXPECT_FALSE(seen_inside);
  EXPECT_TRUE(reclaimed);
}

}  // namespace
}  // namespace netkit
