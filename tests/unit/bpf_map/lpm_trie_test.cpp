#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

constexpr std::uint32_t address(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}

class LpmTrieTest : public testing::Test {
 protected:
  int add(std::uint32_t length, std::uint32_t prefix, std::uint64_t value, std::uint64_t flags = kAny) {
    return code(map_->write(prefix_key(length, prefix), bytes_of(value), flags));
  }
  int drop(std::uint32_t length, std::uint32_t prefix) {
    return code(map_->remove(prefix_key(length, prefix)));
  }
  std::int64_t find(std::uint32_t length, std::uint32_t prefix) {
    const void* value = map_->operations().lookup(*map_, prefix_key(length, prefix).data(), 0);
    return value == nullptr ? -ENOENT : shared_load<std::int64_t>(value);
  }
  MapRef map_ = make_map(MapType::kLpmTrie, 16);
};

TEST_F(LpmTrieTest, TheLongestPrefixWins) {
  ASSERT_EQ(add(0, 0, 1), 0);
  ASSERT_EQ(add(8, address(10, 0, 0, 0), 2), 0);
  ASSERT_EQ(add(24, address(10, 1, 2, 0), 3), 0);
  ASSERT_EQ(add(32, address(10, 1, 2, 3), 4), 0);
  EXPECT_EQ(find(32, address(192, 168, 0, 1)), 1);
  EXPECT_EQ(find(32, address(10, 200, 0, 1)), 2);
  EXPECT_EQ(find(32, address(10, 1, 2, 4)), 3);
  EXPECT_EQ(find(32, address(10, 1, 2, 3)), 4);
}

TEST_F(LpmTrieTest, AShorterKeyFindsNoPrefixLongerThanItself) {
  ASSERT_EQ(add(8, address(10, 0, 0, 0), 2), 0);
  ASSERT_EQ(add(24, address(10, 1, 2, 0), 3), 0);
  EXPECT_EQ(find(23, address(10, 1, 2, 0)), 2);
  EXPECT_EQ(find(24, address(10, 1, 2, 0)), 3);
  EXPECT_EQ(find(7, address(10, 0, 0, 0)), -ENOENT);
}

TEST_F(LpmTrieTest, ALengthBeyondTheKeyIsRefused) {
  EXPECT_EQ(add(33, 0, 1), EINVAL);
  EXPECT_EQ(drop(33, 0), EINVAL);
  EXPECT_EQ(find(33, 0), -ENOENT);
  Bytes value(8);
  EXPECT_EQ(code(map_->read(prefix_key(0xffffffff, 0), value)), ENOENT);
}

TEST_F(LpmTrieTest, BitsBehindThePrefixDoNotMatterButAreShown) {
  ASSERT_EQ(add(8, address(10, 9, 9, 9), 2), 0);
  EXPECT_EQ(add(8, address(10, 8, 8, 8), 3, kNoexist), EEXIST);
  EXPECT_THAT(keys_of(*map_), testing::ElementsAre(prefix_key(8, address(10, 9, 9, 9))));
}

TEST_F(LpmTrieTest, AnIntermediatePrefixIsNoEntry) {
  ASSERT_EQ(add(32, address(10, 0, 0, 0), 1), 0);
  ASSERT_EQ(add(32, address(10, 0, 0, 1), 2), 0);
  EXPECT_EQ(find(31, address(10, 0, 0, 0)), -ENOENT);
  EXPECT_EQ(drop(31, address(10, 0, 0, 0)), ENOENT);
  EXPECT_EQ(add(31, address(10, 0, 0, 0), 3, kExist), ENOENT);
  EXPECT_EQ(add(31, address(10, 0, 0, 0), 3, kNoexist), 0);
  EXPECT_EQ(find(31, address(10, 0, 0, 0)), 3);
}

TEST_F(LpmTrieTest, IterationGivesLongerPrefixesFirst) {
  ASSERT_EQ(add(16, address(192, 168, 0, 0), 1), 0);
  ASSERT_EQ(add(24, address(192, 168, 0, 0), 2), 0);
  ASSERT_EQ(add(24, address(192, 168, 128, 0), 3), 0);
  ASSERT_EQ(add(24, address(192, 168, 1, 0), 4), 0);
  EXPECT_THAT(keys_of(*map_), testing::ElementsAre(prefix_key(24, address(192, 168, 0, 0)),
                                                   prefix_key(24, address(192, 168, 1, 0)),
                                                   prefix_key(24, address(192, 168, 128, 0)),
                                                   prefix_key(16, address(192, 168, 0, 0))));
}

TEST_F(LpmTrieTest, EntriesAreCountedNotNodes) {
  for (std::uint32_t n = 0; n < 16; ++n) ASSERT_EQ(add(32, n * 0x01010101, n), 0);
  EXPECT_EQ(add(32, 0xffffffff, 1), ENOSPC);
  EXPECT_EQ(add(32, 0, 77), 0) << "what is there can be changed";
  EXPECT_EQ(add(32, 0xffffffff, 1, kExist), ENOENT) << "asked before room is";
  ASSERT_EQ(drop(32, 0), 0);
  EXPECT_EQ(add(32, 0xffffffff, 1), 0);
}

TEST_F(LpmTrieTest, NodesComeBackHoweverOftenEntriesChange) {
  for (std::uint32_t round = 0; round < 10'000; ++round) {
    for (std::uint32_t n = 0; n < 16; ++n) ASSERT_EQ(add(16 + n, round << 4 | n << 28, n), 0) << round;
    for (std::uint32_t n = 0; n < 16; ++n) ASSERT_EQ(drop(16 + n, round << 4 | n << 28), 0) << round;
  }
}

TEST_F(LpmTrieTest, AValueInHandOutlivesManyChanges) {
  ASSERT_EQ(add(32, 1, 10), 0);
  const void* value = map_->operations().lookup(*map_, prefix_key(32, 1).data(), 0);
  ASSERT_EQ(drop(32, 1), 0);
  for (std::uint32_t n = 0; n < 60; ++n) {
    ASSERT_EQ(add(32, 2, 99), 0);
    EXPECT_EQ(shared_load<std::int64_t>(value), 10);
  }
}

}  // namespace
}  // namespace netkit::bpf::test
