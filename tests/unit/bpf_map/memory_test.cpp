// Where maps live, and that they take memory for what they hold, not for what they could.
#include "bpf/map/memory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "bpf/map/prog_array.h"
#include "bpf/map/tables.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

std::uint64_t bytes_allocated(const Map& map) {
  struct stat status{};
  EXPECT_EQ(::fstat(map.memory().file(), &status), 0);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * kPage;
}

struct Large {
  const char* name;
  MapType type;
  std::uint32_t key_size, value_size, max_entries, flags;
};

class LargeMap : public testing::TestWithParam<Large> {
 protected:
  static MapSpec spec() {
    const Large& large = GetParam();
    return {.name = large.name,
            .type = large.type,
            .key_size = large.key_size,
            .value_size = large.value_size,
            .max_entries = large.max_entries,
            .flags = large.flags};
  }
  static constexpr std::uint64_t kSmall = 64 * kPage;
};

// Types whose entries come and go.
class LargeMapWithRoom : public LargeMap {};

constexpr Large kWithRoom[] = {
    {"hash", MapType::kHash, 4, 64, 1U << 24, 0},
    {"hash_no_prealloc", MapType::kHash, 40, 64, 1U << 24, kNoPrealloc},
    {"lru", MapType::kLruHash, 16, 64, 1U << 24, 0},
    {"percpu_hash", MapType::kPercpuHash, 4, 64, 1U << 24, kNoPrealloc},
    {"trie", MapType::kLpmTrie, 20, 16, 2'048'000, kNoPrealloc},
    {"prog_array", MapType::kProgArray, 4, 4, 240'000, 0},
};
constexpr Large kArrays[] = {
    {"array", MapType::kArray, 4, 64, 1U << 24, 0},
    {"percpu_array", MapType::kPercpuArray, 4, 64, 1U << 24, 0},
};

std::string name_of_large(const testing::TestParamInfo<Large>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Maps, LargeMap, testing::ValuesIn(kWithRoom), name_of_large);
INSTANTIATE_TEST_SUITE_P(Arrays, LargeMap, testing::ValuesIn(kArrays), name_of_large);
INSTANTIATE_TEST_SUITE_P(Maps, LargeMapWithRoom, testing::ValuesIn(kWithRoom), name_of_large);

TEST_P(LargeMap, IsCreatedInMillisecondsAndTakesAlmostNoMemory) {
  const std::uint64_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const MapRef map = make_map(spec());
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took, std::chrono::milliseconds(50));
  EXPECT_LT(bytes_allocated(*map), kSmall);
#ifndef NETKIT_SANITIZED  // whose shadow memory is resident too
  EXPECT_LT(resident_bytes() - before, kSmall);
#else
  (void)before;
#endif
}

TEST_P(LargeMap, GrowsWithItsEntries) {
  const MapRef map = make_map(spec());
  const ProgramRef program = ProgramTable::instance().publish(std::make_unique<Program>());
  constexpr std::uint32_t kWritten = 100;
  Bytes key(map->spec().key_size);
  for (std::uint32_t n = 0; n < kWritten; ++n) {
    store_unaligned(key.data(), map->spec().type == MapType::kLpmTrie ? 32 : n);
    store_unaligned(key.data() + key.size() - 4, n);
    const bool holds_programs = map->spec().type == MapType::kProgArray;
    const Bytes value = holds_programs ? bytes_of(program->id) : value_of(*map, n);
    ASSERT_EQ(code(map->write(key, value, kAny)), 0);
  }
  // A page for each bucket at worst, and few for the entries.
  EXPECT_LT(bytes_allocated(*map), (kWritten + 20) * kPage);
}

TEST_P(LargeMapWithRoom, ADumpOfFewEntriesIsQuickAndTakesNoMemory) {
  const MapRef map = make_map(spec());
  const auto start = std::chrono::steady_clock::now();
  int entries = 0;
  ASSERT_TRUE(map->for_each([&](auto, auto) { return ++entries > 0; }));
  EXPECT_EQ(entries, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
  EXPECT_LT(bytes_allocated(*map), kSmall);
}

TEST(MapMemoryTest, TheHeaderTellsWhatTheMapIs) {
  const MapRef map = make_map({.name = "a_name_that_is_longer_than_fifteen",
                               .type = MapType::kHash,
                               .key_size = 6,
                               .value_size = 10,
                               .max_entries = 77,
                               .flags = kNoPrealloc});
  const RegionHeader& header = map->memory().header();
  EXPECT_EQ(std::memcmp(&header.magic, "NTKITMAP", 8), 0);
  EXPECT_EQ(header.layout_version, kRegionLayoutVersion);
  EXPECT_EQ(header.type, 1U);
  EXPECT_EQ(header.key_size, 6U);
  EXPECT_EQ(header.value_size, 10U);
  EXPECT_EQ(header.max_entries, 77U);
  EXPECT_EQ(header.flags, 1U);
  EXPECT_EQ(header.cpus, possible_cpus());
  EXPECT_EQ(header.generation, 1U);
  EXPECT_EQ(header.frozen, 0U);
  EXPECT_STREQ(header.name.data(), "a_name_that_is_longer_than_fifteen");
  struct stat status{};
  ASSERT_EQ(::fstat(map->memory().file(), &status), 0);
  EXPECT_EQ(header.region_size, static_cast<std::uint64_t>(status.st_size));
  ASSERT_TRUE(map->freeze());
  EXPECT_EQ(header.frozen, 1U);
}

TEST(MapMemoryTest, WithoutARootTheFileHasNoName) {
  EXPECT_FALSE(make_map(MapType::kHash, 1)->memory().linkable());
}

class MapRoot : public testing::Test {
 protected:
  MapRoot() {
    std::filesystem::create_directories(root_);
    set_map_root(root_);
  }
  ~MapRoot() override {
    set_map_root({});
    std::filesystem::remove_all(root_);
  }
  std::string root_ = testing::TempDir() + "netkit_map_root_" + std::to_string(::getpid());
};

TEST_F(MapRoot, AFileMadeThereCanBeLinked) {
  const MapRef map = make_map(MapType::kHash, 4);
  ASSERT_TRUE(map->memory().linkable());
  ASSERT_EQ(write(*map, 1, 42), 0);
  EXPECT_TRUE(std::filesystem::is_empty(root_));
  const std::string file = "/proc/self/fd/" + std::to_string(map->memory().file());
  const std::string pin = root_ + "/pin";
  ASSERT_EQ(::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, pin.c_str(), AT_SYMLINK_FOLLOW), 0);
  std::ifstream pinned(pin, std::ios::binary);
  RegionHeader header{};
  pinned.read(reinterpret_cast<char*>(&header), sizeof header);
  EXPECT_EQ(header.magic, kRegionMagic);
}

TEST_F(MapRoot, ADirectoryThatIsNotThereIsNoObstacle) {
  set_map_root("/nonexistent/netkit");
  EXPECT_FALSE(make_map(MapType::kHash, 4)->memory().linkable());
}

TEST(MapMemoryTest, AnArrayOfOneEntryIsAddressedDirectly) {
  const MapRef map = make_map({.name = ".rodata",
                               .type = MapType::kArray,
                               .key_size = 4,
                               .value_size = 20,
                               .max_entries = 1,
                               .flags = kRdonlyProg});
  const Region region = map->direct_value();
  EXPECT_EQ(region.base, reinterpret_cast<std::uint64_t>(program_lookup(*map, 0)));
  EXPECT_EQ(region.size, 20U);
  EXPECT_EQ(region.kind, RegionKind::kGlobalData);
  EXPECT_FALSE(region.writable);
  EXPECT_EQ(region.owner, map->id());
  EXPECT_TRUE(make_map(MapType::kArray, 1)->direct_value().writable);
  EXPECT_EQ(make_map(MapType::kArray, 2)->direct_value().size, 0U);
  EXPECT_EQ(make_map(MapType::kHash, 1)->direct_value().size, 0U);
}

}  // namespace
}  // namespace netkit::bpf::test
