// What every type of map does, applied to each of them.
#include <set>

#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

constexpr std::uint32_t kEntries = 8;

class MapBehaviour : public testing::TestWithParam<MapType> {
 protected:
  MapRef map_ = make_map(GetParam(), kEntries);
  Map& map() { return *map_; }
  // The same map with creation flags beside those that the type needs.
  MapRef with_flags(std::uint32_t flags) {
    MapSpec spec = spec_of(GetParam(), kEntries);
    spec.flags |= flags;
    return make_map(spec);
  }
  // What a key that was never written reads.
  std::int64_t unwritten() { return is_array(map()) ? 0 : -ENOENT; }
  // What writing a further key into a full map answers.
  int full() {
    if (is_lru(map())) return 0;
    return GetParam() == MapType::kLpmTrie ? ENOSPC : E2BIG;
  }
};

INSTANTIATE_TEST_SUITE_P(Types, MapBehaviour,
                         testing::Values(MapType::kHash, MapType::kArray, MapType::kPercpuHash,
                                         MapType::kPercpuArray, MapType::kLruHash, MapType::kLruPercpuHash,
                                         MapType::kLpmTrie),
                         name_of);

TEST_P(MapBehaviour, ANewMapHasAnIdAndIsFoundByIt) {
  EXPECT_NE(map().id(), 0U);
  EXPECT_EQ(map().spec().type, GetParam());
}

TEST_P(MapBehaviour, AKeyThatWasNotWrittenIsAbsentOrZero) {
  EXPECT_EQ(read(map(), 3), unwritten());
  EXPECT_EQ(program_read(map(), 3), unwritten());
}

TEST_P(MapBehaviour, WhatUserSpaceWritesProgramsRead) {
  ASSERT_EQ(write(map(), 3, 0x1122334455667788), 0);
  EXPECT_EQ(program_read(map(), 3), 0x1122334455667788);
  EXPECT_EQ(read(map(), 3), 0x1122334455667788);
  EXPECT_EQ(read(map(), 4), unwritten());
}

TEST_P(MapBehaviour, WhatProgramsWriteUserSpaceReads) {
  ASSERT_EQ(program_update(map(), 5, 55), 0);
  EXPECT_EQ(read(map(), 5), 55);
  shared_store<std::uint64_t>(program_lookup(map(), 5), 56);
  EXPECT_EQ(read(map(), 5), 56);
}

TEST_P(MapBehaviour, AnUpdateReplacesTheValue) {
  ASSERT_EQ(write(map(), 1, 10), 0);
  ASSERT_EQ(write(map(), 1, 11), 0);
  ASSERT_EQ(program_update(map(), 2, 20), 0);
  ASSERT_EQ(program_update(map(), 2, 21), 0);
  EXPECT_EQ(read(map(), 1), 11);
  EXPECT_EQ(program_read(map(), 2), 21);
}

TEST_P(MapBehaviour, NoexistRefusesAKeyThatIsThere) {
  EXPECT_EQ(write(map(), 1, 10, kNoexist), is_array(map()) ? EEXIST : 0);
  EXPECT_EQ(write(map(), 1, 11, kNoexist), EEXIST);
  EXPECT_EQ(program_update(map(), 1, 11, kNoexist), -EEXIST);
  EXPECT_EQ(read(map(), 1), is_array(map()) ? 0 : 10);
}

TEST_P(MapBehaviour, ExistRefusesAKeyThatIsNotThere) {
  EXPECT_EQ(write(map(), 1, 10, kExist), is_array(map()) ? 0 : ENOENT);
  EXPECT_EQ(program_update(map(), 2, 10, kExist), is_array(map()) ? 0 : -ENOENT);
  ASSERT_EQ(write(map(), 3, 10), 0);
  EXPECT_EQ(write(map(), 3, 11, kExist), 0);
  EXPECT_EQ(read(map(), 3), 11);
}

TEST_P(MapBehaviour, UnknownUpdateFlagsAreRefused) {
  for (const std::uint64_t flags :
       {std::uint64_t{3}, std::uint64_t{32}, std::uint64_t{1} << 31, std::uint64_t{1} << 32}) {
    EXPECT_EQ(write(map(), 1, 10, flags), EINVAL) << flags;
    EXPECT_EQ(program_update(map(), 1, 10, flags), -EINVAL) << flags;
  }
  EXPECT_EQ(read(map(), 1), unwritten());
}

TEST_P(MapBehaviour, LockingIsRefusedWhereTheValueHoldsNoLock) {
  EXPECT_EQ(write(map(), 1, 10, kLock), EINVAL);
  EXPECT_EQ(program_update(map(), 1, 10, kLock), -EINVAL);
  Bytes value(map().user_value_size());
  EXPECT_EQ(code(map().read(key_of(map(), 1), value, kLock)), EINVAL);
}

TEST_P(MapBehaviour, DeletingTakesAnEntryOut) {
  ASSERT_EQ(write(map(), 1, 10), 0);
  ASSERT_EQ(write(map(), 2, 20), 0);
  EXPECT_EQ(remove(map(), 1), is_array(map()) ? EINVAL : 0);
  EXPECT_EQ(program_delete(map(), 2), is_array(map()) ? -EINVAL : 0);
  EXPECT_EQ(remove(map(), 1), is_array(map()) ? EINVAL : ENOENT);
  EXPECT_EQ(program_delete(map(), 2), is_array(map()) ? -EINVAL : -ENOENT);
  EXPECT_EQ(read(map(), 1), is_array(map()) ? 10 : -ENOENT);
  EXPECT_EQ(program_read(map(), 2), is_array(map()) ? 20 : -ENOENT);
}

TEST_P(MapBehaviour, ExactlyMaxEntriesFit) {
  for (std::uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(write(map(), key, key + 100), 0) << key;
  for (std::uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(read(map(), key), key + 100) << key;
  EXPECT_EQ(write(map(), kEntries, 1), full());
  EXPECT_EQ(program_update(map(), kEntries + 1, 1), -full());
}

TEST_P(MapBehaviour, AFullMapCanStillReplaceAndReuse) {
  for (std::uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(program_update(map(), key, key), 0);
  for (std::uint64_t round = 0; round < 100; ++round) {
    for (std::uint32_t key = 0; key < kEntries; ++key) {
      ASSERT_EQ(program_update(map(), key, round, kExist, key % possible_cpus()), 0);
      ASSERT_EQ(write(map(), key, round + 1, kExist), 0);
    }
  }
  if (is_array(map())) return;
  for (std::uint32_t round = 0; round < 100; ++round) {
    ASSERT_EQ(program_delete(map(), round), 0);
    ASSERT_EQ(program_update(map(), round + kEntries, 1), 0);
  }
  EXPECT_EQ(keys_of(map()).size(), kEntries);
}

TEST_P(MapBehaviour, IterationGivesEachKeyOnceAndEnds) {
  std::set<Bytes> wanted;
  for (std::uint32_t key = 0; key < kEntries; ++key) {
    ASSERT_EQ(write(map(), key, 1), 0);
    wanted.insert(key_of(map(), key));
  }
  EXPECT_THAT(keys_of(map()), testing::UnorderedElementsAreArray(wanted));
}

TEST_P(MapBehaviour, IterationBeginsAnewAfterAKeyThatIsNotThere) {
  ASSERT_EQ(write(map(), 1, 1), 0);
  ASSERT_EQ(write(map(), 2, 1), 0);
  Bytes first(map().spec().key_size), after(map().spec().key_size);
  ASSERT_EQ(code(map().next_key({}, first)), 0);
  ASSERT_EQ(code(map().next_key(key_of(map(), 77), after)), 0);
  EXPECT_EQ(first, after);
}

TEST_P(MapBehaviour, IterationOfAnEmptyMapEndsAtOnce) {
  Bytes next(map().spec().key_size);
  EXPECT_EQ(code(map().next_key({}, next)), is_array(map()) ? 0 : ENOENT);
}

TEST_P(MapBehaviour, ADumpVisitsEveryEntryWithItsValue) {
  for (std::uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(write(map(), key, key + 7), 0);
  std::set<Bytes> seen;
  ASSERT_TRUE(map().for_each([&](std::span<const std::byte> key, std::span<const std::byte> value) {
    seen.emplace(key.begin(), key.end());
    EXPECT_EQ(value.size(), map().user_value_size());
    Bytes read_value(value.size());
    EXPECT_EQ(code(map().read(key, read_value)), 0);
    EXPECT_TRUE(std::ranges::equal(value, read_value));
    return true;
  }));
  EXPECT_EQ(seen.size(), kEntries);
}

TEST_P(MapBehaviour, ADumpEndsWhenItsVisitorHasEnough) {
  for (std::uint32_t key = 0; key < kEntries; ++key) ASSERT_EQ(write(map(), key, 1), 0);
  int visits = 0;
  ASSERT_TRUE(map().for_each([&](auto, auto) { return ++visits < 3; }));
  EXPECT_EQ(visits, 3);
}

TEST_P(MapBehaviour, SpansOfAnotherSizeAreRefused) {
  const Bytes key = key_of(map(), 1);
  Bytes long_key(key.size() + 1), value(map().user_value_size()), short_value(value.size() - 1);
  EXPECT_EQ(code(map().read(long_key, value)), EINVAL);
  EXPECT_EQ(code(map().read(key, short_value)), EINVAL);
  EXPECT_EQ(code(map().write(long_key, value, kAny)), EINVAL);
  EXPECT_EQ(code(map().write(key, short_value, kAny)), EINVAL);
  EXPECT_EQ(code(map().remove(long_key)), EINVAL);
  EXPECT_EQ(code(map().next_key(long_key, long_key)), EINVAL);
}

TEST_P(MapBehaviour, AFrozenMapIsChangedByProgramsOnly) {
  ASSERT_EQ(write(map(), 1, 10), 0);
  EXPECT_FALSE(map().frozen());
  ASSERT_EQ(code(map().freeze()), 0);
  EXPECT_TRUE(map().frozen());
  EXPECT_EQ(write(map(), 1, 11), EPERM);
  EXPECT_EQ(write(map(), 1, 11, 99), EPERM) << "permission is asked for before flags";
  EXPECT_EQ(remove(map(), 1), EPERM);
  EXPECT_EQ(code(map().freeze()), EPERM);
  EXPECT_EQ(read(map(), 1), 10);
  EXPECT_EQ(program_update(map(), 1, 12), 0);
  EXPECT_EQ(read(map(), 1), 12);
}

TEST_P(MapBehaviour, FlagsOfTheCreatorsDescriptorDoNotStayWithTheMap) {
  EXPECT_EQ(with_flags(kRdonly)->spec().flags, with_flags(0)->spec().flags);
  const MapRef write_only = with_flags(kWronly);
  EXPECT_EQ(write(*write_only, 1, 5), 0);
  EXPECT_EQ(read(*write_only, 1), 5);
}

TEST_P(MapBehaviour, AccessFlagsForProgramsAreTold) {
  EXPECT_TRUE(map().program_may_read());
  EXPECT_TRUE(map().program_may_write());
  EXPECT_FALSE(with_flags(kRdonlyProg)->program_may_write());
  EXPECT_FALSE(with_flags(kWronlyProg)->program_may_read());
}

TEST_P(MapBehaviour, ValuesOfAnySizeComeBackWhole) {
  for (std::uint32_t size : {1U, 2U, 3U, 4U, 7U, 9U, 12U, 15U, 64U, 1001U}) {
    const MapRef sized = make_map(GetParam(), 4, size);
    Bytes value(sized->user_value_size()), back(value.size());
    for (std::size_t at = 0; at < value.size(); ++at) value[at] = static_cast<std::byte>(at * 7 + 1);
    ASSERT_EQ(code(sized->write(key_of(*sized, 1), value, kAny)), 0) << size;
    ASSERT_EQ(code(sized->read(key_of(*sized, 1), back)), 0) << size;
    EXPECT_EQ(value, back) << size;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(program_lookup(*sized, 1)) % 8, 0U)
        << "values are aligned to 8 bytes";
  }
}

TEST_P(MapBehaviour, AnOldValueStaysReadableAfterTheUpdateAndTheDeletion) {
  ASSERT_EQ(program_update(map(), 1, 10), 0);
  const void* old = program_lookup(map(), 1);
  ASSERT_EQ(program_update(map(), 1, 11), 0);
  program_delete(map(), 1);
  EXPECT_THAT(shared_load<std::int64_t>(old), testing::AnyOf(10, 11));
}

}  // namespace
}  // namespace netkit::bpf::test
