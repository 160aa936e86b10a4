// Several workers on one map, each a virtual CPU, with user space beside them.
#include <functional>
#include <map>
#include <thread>

#include "bpf/map/lock.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

#ifdef NETKIT_SANITIZED
constexpr std::uint32_t kRounds = 3'000;
#else
constexpr std::uint32_t kRounds = 30'000;
#endif

// Runs one function per worker, all at once.
void together(const std::vector<std::function<void()>>& works) {
  std::vector<std::jthread> threads;
  for (const auto& work : works) threads.emplace_back(work);
}

// A value that is torn, or belongs to another key, shows.
std::uint64_t value_for(std::uint32_t key, std::uint32_t version) {
  return std::uint64_t{key} << 32 | (version & 0xffff) << 16 | (version & 0xffff);
}
bool belongs_to(std::uint64_t value, std::uint32_t key) {
  return value >> 32 == key && (value >> 16 & 0xffff) == (value & 0xffff);
}

class ConcurrentMap : public testing::TestWithParam<MapType> {};

INSTANTIATE_TEST_SUITE_P(Types, ConcurrentMap,
                         testing::Values(MapType::kHash, MapType::kLruHash, MapType::kLpmTrie), name_of);

TEST_P(ConcurrentMap, KeysThatStayAreAlwaysFoundWithAWholeValue) {
  constexpr std::uint32_t kStay = 16, kCome = 64;
  const MapRef map = make_map(GetParam(), 256);
  for (std::uint32_t key = 0; key < kStay; ++key) ASSERT_EQ(write(*map, key, value_for(key, 0)), 0);
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> lost{0}, torn{0}, refused{0};
  const auto reader = [&](std::uint32_t cpu) {
    while (!done) {
      for (std::uint32_t key = 0; key < kStay; ++key) {
        const std::int64_t value = program_read(*map, key, cpu);
        if (value == -ENOENT) ++lost;
        // The element of a pointer may come to hold another entry (hash.h), never half of one.
        const auto found = static_cast<std::uint64_t>(value);
        if (value != -ENOENT && !belongs_to(found, static_cast<std::uint32_t>(found >> 32))) ++torn;
      }
    }
  };
  const auto writer = [&] {
    for (std::uint32_t round = 1; round <= kRounds; ++round) {
      const std::uint32_t stay = round % kStay, come = 1000 + round % kCome;
      if (program_update(*map, stay, value_for(stay, round), kExist, 0) != 0) ++refused;
      if (program_update(*map, come, value_for(come, round), kAny, 0) != 0) ++refused;
      if (round % 3 == 0) (void)program_delete(*map, 1000 + (round * 7) % kCome);
    }
    done = true;
  };
  together({writer, [&] { reader(1 % possible_cpus()); }, [&] { reader(1 % possible_cpus()); }});
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(refused, 0U);
}

TEST_P(ConcurrentMap, NoEntryIsLostWhenAllInsertAndDelete) {
  constexpr std::uint32_t kPerWorker = 200, kWorkers = 2;
  const MapRef map = make_map(GetParam(), kPerWorker * (kWorkers + 1));
  std::atomic<std::uint64_t> wrong{0};
  const auto expect = [&](bool holds) {
    if (!holds) ++wrong;
  };
  // Each owns its keys, neighbours in buckets and tree.
  const auto work = [&](std::uint32_t worker, const auto& update, const auto& erase) {
    for (std::uint32_t round = 0; round < kRounds / 300; ++round) {
      for (std::uint32_t n = 0; n < kPerWorker; ++n) expect(update(n * 3 + worker, value_for(n, round)) == 0);
      for (std::uint32_t n = 0; n < kPerWorker; ++n) expect(program_read(*map, n * 3 + worker) != -ENOENT);
      for (std::uint32_t n = 0; n < kPerWorker; n += 2) expect(erase(n * 3 + worker) == 0);
    }
  };
  const auto program = [&](std::uint32_t worker) {
    work(
        worker,
        [&](std::uint32_t key, std::uint64_t value) {
          return program_update(*map, key, value, kAny, worker);
        },
        [&](std::uint32_t key) { return program_delete(*map, key); });
  };
  const auto user = [&] {
    work(
        2, [&](std::uint32_t key, std::uint64_t value) { return write(*map, key, value); },
        [&](std::uint32_t key) { return remove(*map, key); });
  };
  together({[&] { program(0); }, [&] { program(1 % possible_cpus()); }, user});
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(keys_of(*map).size(), kPerWorker / 2 * 3);
}

TEST_P(ConcurrentMap, DumpsSeeWhatStaysExactlyOnce) {
  constexpr std::uint32_t kStay = 100;
  const MapRef map = make_map(GetParam(), 300);
  for (std::uint32_t key = 0; key < kStay; ++key) ASSERT_EQ(write(*map, key, value_for(key, 0)), 0);
  std::atomic<bool> done{false};
  std::uint64_t wrong = 0;
  const auto dump = [&] {
    for (std::uint32_t round = 0; round < kRounds / 100; ++round) {
      std::map<std::uint32_t, int> seen;
      (void)map->for_each([&](std::span<const std::byte> key, std::span<const std::byte> value) {
        const auto number = GetParam() == MapType::kLpmTrie
                                ? Be32::from_raw(number_in<std::uint32_t>(key, 4)).host()
                                : number_in<std::uint32_t>(key);
        if (number < kStay) ++seen[number];
        if (!belongs_to(number_in<std::uint64_t>(value), number)) ++wrong;
        return true;
      });
      if (seen.size() != kStay) ++wrong;
      for (const auto& [key, times] : seen) wrong += times == 1 ? 0 : 1;
    }
    done = true;
  };
  const auto churn = [&] {
    for (std::uint32_t round = 0; !done; ++round) {
      const std::uint32_t come = 1000 + round % 128, stay = round % kStay;
      (void)program_update(*map, stay, value_for(stay, round));
      (void)program_update(*map, come, value_for(come, round));
      (void)program_delete(*map, 1000 + (round * 31) % 128);
    }
  };
  together({dump, churn});
  EXPECT_EQ(wrong, 0U);
}

TEST(ConcurrentLru, EvictingWorkersNeverFailNorLoseCount) {
  constexpr std::uint32_t kEntries = 128;
  const MapRef map = make_map(MapType::kLruHash, kEntries);
  std::atomic<std::uint64_t> failed{0}, foreign{0};
  const auto work = [&](std::uint32_t worker) {
    for (std::uint32_t n = 0; n < kRounds; ++n) {
      const std::uint32_t key = worker << 24 | (n + 1);
      if (program_update(*map, key, value_for(key, n), kAny, worker) != 0) ++failed;
      const std::int64_t value = program_read(*map, key, worker);
      if (value == 0) ++foreign;
    }
  };
  together({[&] { work(0); }, [&] { work(1 % possible_cpus()); }});
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(foreign, 0U);
  const std::size_t held = keys_of(*map).size();
  EXPECT_LE(held, kEntries);
  EXPECT_GE(held, kEntries - 2) << "an element was lost";
}

TEST(ConcurrentHash, FullMapsGiveEveryElementBack) {
  constexpr std::uint32_t kEntries = 64;
  const MapRef map = make_map(MapType::kHash, kEntries);
  const auto work = [&](std::uint32_t worker) {
    for (std::uint32_t n = 0; n < kRounds; ++n) {
      (void)program_update(*map, n * 7 % 100, 1, kAny, worker);
      (void)program_delete(*map, n * 13 % 100);
    }
  };
  together({[&] { work(0); }, [&] { work(1 % possible_cpus()); }});
  for (const Bytes& key : keys_of(*map)) ASSERT_EQ(code(map->remove(key)), 0);
  for (std::uint32_t key = 0; key < kEntries; ++key) EXPECT_EQ(write(*map, key, 1, kNoexist), 0) << key;
  EXPECT_EQ(write(*map, kEntries, 1), E2BIG);
}

TEST(ConcurrentArray, AlignedValuesAreNeverTorn) {
  const MapRef map = make_map(MapType::kArray, 1);
  std::atomic<bool> done{false};
  std::uint64_t torn = 0;
  const auto check = [&] {
    for (std::uint32_t n = 0; n < kRounds; ++n) {
      const auto value = static_cast<std::uint64_t>(read(*map, 0));
      if (value >> 32 != (value & 0xffffffff)) ++torn;
    }
    done = true;
  };
  const auto change = [&] {
    for (std::uint64_t n = 0; !done; ++n) (void)program_update(*map, 0, n << 32 | n);
  };
  together({check, change});
  EXPECT_EQ(torn, 0U);
}

TEST(MapLockTest, ExcludesAndWakesSleepers) {
  std::atomic<std::uint32_t> word{0};
  std::uint64_t counter = 0;
  const auto work = [&] {
    for (std::uint32_t n = 0; n < kRounds / 10; ++n) {
      MapLock lock(word);
      ++counter;
      if (n % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(50));  // the others go to sleep
      if (n % 2 == 0) lock.invalidate_readers();
    }
  };
  together({work, work, work, work});
  EXPECT_EQ(counter, kRounds / 10 * 4);
  EXPECT_EQ(sequence_of(word), kRounds / 10 * 2);
}

}  // namespace
}  // namespace netkit::bpf::test
