// Values with a copy per CPU.
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

constexpr std::uint32_t kValueSize = 12;  // 16 as user space sees it
constexpr std::size_t kStride = 16;

class PerCpuMap : public testing::TestWithParam<MapType> {
 protected:
  void SetUp() override {
    if (possible_cpus() < 2) GTEST_SKIP() << "this machine has one possible CPU, copies cannot differ";
  }
  Map& map() { return *map_; }
  [[nodiscard]] Bytes key() const { return bytes_of<std::uint32_t>(1); }
  // Programs' values: three words of 4 bytes.
  static std::array<std::uint32_t, 3> words(std::uint32_t n) { return {n, n + 1, n + 2}; }
  void program_writes(std::uint32_t n, std::uint32_t cpu) {
    const auto value = words(n);
    ASSERT_EQ(map().operations().update(map(), key().data(), value.data(), kAny, cpu), 0);
  }
  std::uint32_t copy_of(std::uint32_t cpu) {
    return shared_load<std::uint32_t>(map().operations().lookup(map(), key().data(), cpu));
  }
  // The value of one CPU, by kUpdateCpu.
  int write_copy(std::uint32_t n, std::uint64_t flags) {
    return code(map().write(key(), bytes_of(words(n)), flags));
  }

 private:
  MapRef map_ = make_map(GetParam(), 4, kValueSize);
};

INSTANTIATE_TEST_SUITE_P(Types, PerCpuMap,
                         testing::Values(MapType::kPercpuArray, MapType::kPercpuHash,
                                         MapType::kLruPercpuHash),
                         name_of);

std::uint64_t on_cpu(std::uint64_t cpu) {
  return cpu << 32 | kUpdateCpu;
}

TEST_P(PerCpuMap, UserSpaceSeesAllCopiesRoundedUpTo8Bytes) {
  EXPECT_EQ(map().user_value_size(), kStride * possible_cpus());
  EXPECT_EQ(map().user_value_size(on_cpu(1)), kValueSize);
  EXPECT_EQ(map().user_value_size(kUpdateAllCpus), kValueSize);
}

TEST_P(PerCpuMap, AProgramChangesItsOwnCopyOnly) {
  program_writes(100, 0);
  EXPECT_EQ(copy_of(0), 100U);
  EXPECT_EQ(copy_of(1), 0U);
  program_writes(200, 1);
  EXPECT_EQ(copy_of(0), 100U);
  EXPECT_EQ(copy_of(1), 200U);
}

TEST_P(PerCpuMap, CopiesStandInARowForUserSpace) {
  program_writes(100, 0);
  program_writes(200, 1);
  Bytes value(map().user_value_size());
  ASSERT_EQ(code(map().read(key(), value)), 0);
  EXPECT_EQ(number_in<std::uint32_t>(value, 8), 102U);
  EXPECT_EQ(number_in<std::uint32_t>(value, kStride), 200U);
}

TEST_P(PerCpuMap, UserSpaceWritesEveryCopy) {
  Bytes value(map().user_value_size());
  for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu) {
    store_unaligned(value.data() + cpu * kStride, 10 + cpu);
  }
  ASSERT_EQ(code(map().write(key(), value, kAny)), 0);
  EXPECT_EQ(copy_of(0), 10U);
  EXPECT_EQ(copy_of(1), 11U);
}

TEST_P(PerCpuMap, OneCopyIsWrittenAndReadByItsCpu) {
  ASSERT_EQ(write_copy(7, on_cpu(1)), 0);
  EXPECT_EQ(copy_of(0), 0U);
  EXPECT_EQ(copy_of(1), 7U);
  Bytes value(kValueSize);
  ASSERT_EQ(code(map().read(key(), value, on_cpu(1))), 0);
  EXPECT_EQ(number_in<std::uint32_t>(value, 8), 9U);
}

TEST_P(PerCpuMap, OneValueIsWrittenToAllCpus) {
  ASSERT_EQ(write_copy(7, kUpdateAllCpus), 0);
  for (std::uint32_t cpu = 0; cpu < possible_cpus(); ++cpu) EXPECT_EQ(copy_of(cpu), 7U);
}

TEST_P(PerCpuMap, FlagsOfCpusAreChecked) {
  EXPECT_EQ(write_copy(1, on_cpu(possible_cpus())), ERANGE);
  EXPECT_EQ(write_copy(1, on_cpu(1) | kUpdateAllCpus), EINVAL);
  EXPECT_EQ(write_copy(1, std::uint64_t{1} << 32 | kUpdateAllCpus), EINVAL) << "a CPU without F_CPU";
  Bytes value(kValueSize);
  EXPECT_EQ(code(map().read(key(), value, kUpdateAllCpus)), EINVAL);
  EXPECT_EQ(map().operations().update(map(), key().data(), value.data(), kUpdateAllCpus, 0), -EINVAL)
      << "not for programs";
}

TEST(OtherMaps, RefuseFlagsOfCpus) {
  const MapRef map = make_map(MapType::kHash, 4);
  EXPECT_EQ(write(*map, 1, 1, on_cpu(0)), EINVAL);
  EXPECT_EQ(write(*map, 1, 1, kUpdateAllCpus), EINVAL);
}

// Arrays have no new entries and delete none.
class PerCpuHash : public PerCpuMap {};
INSTANTIATE_TEST_SUITE_P(Types, PerCpuHash, testing::Values(MapType::kPercpuHash, MapType::kLruPercpuHash),
                         name_of);

TEST_P(PerCpuHash, ANewEntryIsZeroOnOtherCpusAlsoWhereAnotherStood) {
  for (std::uint32_t round = 0; round < 20; ++round) {
    Bytes all(map().user_value_size(), std::byte{0xff});
    ASSERT_EQ(code(map().write(key(), all, kAny)), 0);
    ASSERT_EQ(map().operations().erase(map(), key().data()), 0);
    program_writes(round, 0);
    EXPECT_EQ(copy_of(1), 0U);
    ASSERT_EQ(map().operations().erase(map(), key().data()), 0);
  }
}

TEST_P(PerCpuMap, AnUpdateKeepsTheAddressOfTheValue) {
  program_writes(1, 0);
  const void* before = map().operations().lookup(map(), key().data(), 0);
  program_writes(2, 0);
  EXPECT_EQ(map().operations().lookup(map(), key().data(), 0), before);
}

}  // namespace
}  // namespace netkit::bpf::test
