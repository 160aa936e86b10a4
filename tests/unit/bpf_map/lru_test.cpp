// Which entries an LRU map gives up.

#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

constexpr std::uint32_t kEntries = 1000;

class LruMap : public testing::TestWithParam<MapType> {
 protected:
  MapRef map_ = make_map(GetParam(), kEntries);
  Map& map() { return *map_; }
  void insert(std::uint32_t first, std::uint32_t last) {
    for (std::uint32_t key = first; key < last; ++key) ASSERT_EQ(program_update(map(), key, key), 0) << key;
  }
  // Looking without using: user space does not count.
  std::uint32_t present(std::uint32_t first, std::uint32_t last) {
    std::uint32_t count = 0;
    for (std::uint32_t key = first; key < last; ++key) count += read(map(), key) == key ? 1 : 0;
    return count;
  }
};

INSTANTIATE_TEST_SUITE_P(Types, LruMap, testing::Values(MapType::kLruHash, MapType::kLruPercpuHash), name_of);

TEST_P(LruMap, HoldsMaxEntriesBeforeItGivesUpAny) {
  insert(0, kEntries);
  EXPECT_EQ(present(0, kEntries), kEntries);
}

TEST_P(LruMap, GivesUpTheOldest) {
  insert(0, kEntries + 300);
  EXPECT_EQ(present(300, kEntries + 300), kEntries);
  EXPECT_EQ(present(0, 300), 0U);
}

TEST_P(LruMap, SparesWhatProgramsLookedUp) {
  insert(0, kEntries);
  for (std::uint32_t key = 0; key < 50; ++key) ASSERT_EQ(program_read(map(), key), key);
  insert(kEntries, kEntries + 500);
  EXPECT_EQ(present(0, 50), 50U);
  EXPECT_EQ(present(50, 550), 0U);
}

TEST_P(LruMap, UserSpacesLookupsAreNoUse) {
  insert(0, kEntries);
  EXPECT_EQ(present(0, 50), 50U);
  insert(kEntries, kEntries + 50);
  EXPECT_EQ(present(0, 50), 0U);
}

TEST_P(LruMap, AnUpdateIsAUse) {
  insert(0, kEntries);
  insert(0, 50);
  insert(kEntries, kEntries + 200);
  EXPECT_EQ(present(0, 50), 50U);
}

TEST_P(LruMap, KeepsAHotSetAmongManyOthers) {
  constexpr std::uint32_t kHot = 100;
  insert(0, kHot);
  std::uint32_t lost = 0;
  for (std::uint32_t key = 10'000; key < 30'000; ++key) {
    ASSERT_EQ(program_update(map(), key, key), 0);
    lost += program_read(map(), key % kHot) == -ENOENT ? 1 : 0;
  }
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(keys_of(map()).size(), kEntries);
}

TEST_P(LruMap, InsertsEvenWhenAllWereUsed) {
  insert(0, kEntries);
  for (std::uint32_t round = 0; round < 5'000; ++round) {
    for (std::uint32_t key = 0; key < 20; ++key) (void)program_read(map(), round * 31 + key);
    ASSERT_EQ(program_update(map(), kEntries + round, kEntries + round), 0);
    ASSERT_EQ(program_read(map(), kEntries + round), kEntries + round);
  }
}

TEST_P(LruMap, DeletedPlacesAreUsedBeforeAnythingIsGivenUp) {
  insert(0, kEntries);
  for (std::uint32_t key = 0; key < 100; ++key) ASSERT_EQ(program_delete(map(), key * 10), 0);
  insert(kEntries, kEntries + 100);
  EXPECT_EQ(keys_of(map()).size(), kEntries);
  EXPECT_EQ(present(kEntries, kEntries + 100), 100U);
}

TEST_P(LruMap, AMapOfOneEntryHoldsTheLast) {
  const MapRef small = make_map(GetParam(), 1);
  for (std::uint32_t key = 0; key < 100; ++key) {
    const std::uint32_t cpu = key % possible_cpus();
    ASSERT_EQ(program_update(*small, key, key, kNoexist, cpu), 0);
    ASSERT_EQ(program_read(*small, key, cpu), key);
  }
  EXPECT_EQ(keys_of(*small).size(), 1U);
}

TEST_P(LruMap, ARefusedUpdateGivesNothingUp) {
  insert(0, kEntries);
  EXPECT_EQ(program_update(map(), 5, 5, kNoexist), -EEXIST);
  EXPECT_EQ(present(0, kEntries), kEntries);
}

}  // namespace
}  // namespace netkit::bpf::test
