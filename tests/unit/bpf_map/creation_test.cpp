// The checks of BPF_MAP_CREATE: every row is one specification and the kernel's answer.
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

struct Creation {
  const char* what;
  MapType type;
  std::uint32_t key_size, value_size, max_entries, flags;
  int code;
  std::uint64_t extra = 0;
};

int create_code(const Creation& row) {
  const auto map = create_map({.name = row.what,
                               .type = row.type,
                               .key_size = row.key_size,
                               .value_size = row.value_size,
                               .max_entries = row.max_entries,
                               .flags = row.flags,
                               .extra = row.extra});
  if (map) return 0;
  EXPECT_FALSE(map.error().text.empty()) << row.what;
  return map.error().code;
}

void expect_answers(std::span<const Creation> rows) {
  for (const Creation& row : rows) {
    EXPECT_EQ(errno_name(create_code(row)), errno_name(row.code))
        << map_type_name(row.type) << ": " << row.what;
  }
}

TEST(MapCreation, OfAnyType) {
  const Creation rows[] = {
      {"map_extra", MapType::kHash, 4, 4, 1, 0, EINVAL, 1},
      {"read-only and write-only", MapType::kHash, 4, 4, 1, kRdonly | kWronly, EINVAL},
      {"type 0", MapType::kUnspec, 4, 4, 1, 0, EINVAL},
      {"a type that no kernel has", static_cast<MapType>(999), 4, 4, 1, 0, EINVAL},
  };
  expect_answers(rows);
}

TEST(MapCreation, ATypeThatIsNotSupportedIsNamed) {
  const auto map = create_map({.name = "events", .type = MapType::kStackTrace, .max_entries = 4096});
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, EINVAL);
  EXPECT_EQ(map.error().text, "map 'events' (stack_trace): this map type is not supported");
}

TEST(MapCreation, OfArrays) {
  const Creation rows[] = {
      {"plain", MapType::kArray, 4, 1, 1, 0, 0},
      {"no entries", MapType::kArray, 4, 4, 0, 0, EINVAL},
      {"key of 8", MapType::kArray, 8, 4, 1, 0, EINVAL},
      {"no key", MapType::kArray, 0, 4, 1, 0, EINVAL},
      {"no value", MapType::kArray, 4, 0, 1, 0, EINVAL},
      {"no preallocation", MapType::kArray, 4, 4, 1, kNoPrealloc, EINVAL},
      {"mmapable inner map with NUMA node", MapType::kArray, 4, 4, 1, kMmapable | kInnerMap | kNumaNode, 0},
      {"events preserved", MapType::kArray, 4, 4, 1, kPreserveElems, EINVAL},
      {"programs neither read nor write", MapType::kArray, 4, 4, 1, kRdonlyProg | kWronlyProg, EINVAL},
      {"value of 2 GiB", MapType::kArray, 4, 0x80000000U, 1, 0, E2BIG},
      {"more than a machine has", MapType::kArray, 4, 0x7fffffffU, 0xffffffffU, 0, ENOMEM},
      {"per CPU", MapType::kPercpuArray, 4, 32768, 1, 0, 0},
      {"per CPU: value too large", MapType::kPercpuArray, 4, 32769, 1, 0, E2BIG},
      {"per CPU: NUMA node", MapType::kPercpuArray, 4, 4, 1, kNumaNode, EINVAL},
      {"per CPU: mmapable", MapType::kPercpuArray, 4, 4, 1, kMmapable, EINVAL},
      {"programs", MapType::kProgArray, 4, 4, 1, 0, 0},
      {"programs: value of 8", MapType::kProgArray, 4, 8, 1, 0, EINVAL},
      {"programs: read-only", MapType::kProgArray, 4, 4, 1, kRdonlyProg, EINVAL},
      {"programs: mmapable", MapType::kProgArray, 4, 4, 1, kMmapable, EINVAL},
      {"programs: key of 8", MapType::kProgArray, 8, 4, 1, 0, EINVAL},
  };
  expect_answers(rows);
}

TEST(MapCreation, OfHashes) {
  constexpr std::uint32_t kTooLarge = (4U << 20) - 48;
  const Creation rows[] = {
      {"plain", MapType::kHash, 1, 1, 1, 0, 0},
      {"all flags of the type", MapType::kHash, 4, 4, 1, kNoPrealloc | kNumaNode | kZeroSeed | kRdonlyProg,
       0},
      {"no entries", MapType::kHash, 4, 4, 0, 0, EINVAL},
      {"no key", MapType::kHash, 0, 4, 1, 0, EINVAL},
      {"no value", MapType::kHash, 4, 0, 1, 0, EINVAL},
      {"mmapable", MapType::kHash, 4, 4, 1, kMmapable, EINVAL},
      {"a list per CPU without LRU", MapType::kHash, 4, 4, 1, kNoCommonLru, EINVAL},
      {"programs neither read nor write", MapType::kHash, 4, 4, 1, kRdonlyProg | kWronlyProg, EINVAL},
      {"the largest element", MapType::kHash, 4, kTooLarge - 5, 1, 0, 0},
      {"an element too large", MapType::kHash, 4, kTooLarge - 4, 1, 0, E2BIG},
      {"most entries", MapType::kHash, 4, 4, 1U << 27, kNoPrealloc, 0},
      {"too many entries", MapType::kHash, 4, 4, (1U << 27) + 1, kNoPrealloc, E2BIG},
      {"more than a machine has", MapType::kHash, 4, 1U << 20, 1U << 27, 0, ENOMEM},
      {"the same, to be allocated as it is used", MapType::kHash, 4, 1U << 20, 1U << 27, kNoPrealloc, 0},
      {"per CPU", MapType::kPercpuHash, 4, 32768, 1, 0, 0},
      {"per CPU: value too large", MapType::kPercpuHash, 4, 32769, 1, 0, E2BIG},
      {"per CPU: NUMA node", MapType::kPercpuHash, 4, 4, 1, kNumaNode, EINVAL},
      {"LRU", MapType::kLruHash, 4, 4, 1, kNoCommonLru, 0},
      {"LRU: no preallocation", MapType::kLruHash, 4, 4, 1, kNoPrealloc, kENOTSUPP},
      {"LRU: no preallocation and no entries", MapType::kLruHash, 4, 4, 0, kNoPrealloc, kENOTSUPP},
      {"LRU: NUMA node", MapType::kLruHash, 4, 4, 1, kNumaNode, 0},
      {"LRU: NUMA node and a list per CPU", MapType::kLruHash, 4, 4, 1, kNumaNode | kNoCommonLru, EINVAL},
      {"LRU per CPU: no preallocation", MapType::kLruPercpuHash, 4, 4, 1, kNoPrealloc, kENOTSUPP},
  };
  expect_answers(rows);
}

TEST(MapCreation, OfTries) {
  constexpr std::uint32_t kLargest = (4U << 20) - 256 - 24;
  const Creation rows[] = {
      {"of addresses", MapType::kLpmTrie, 8, 4, 1, kNoPrealloc, 0},
      {"the shortest key", MapType::kLpmTrie, 5, 1, 1, kNoPrealloc, 0},
      {"the longest key", MapType::kLpmTrie, 260, 1, 1, kNoPrealloc, 0},
      {"no data", MapType::kLpmTrie, 4, 4, 1, kNoPrealloc, EINVAL},
      {"too much data", MapType::kLpmTrie, 261, 4, 1, kNoPrealloc, EINVAL},
      {"no value", MapType::kLpmTrie, 8, 0, 1, kNoPrealloc, EINVAL},
      {"the largest value", MapType::kLpmTrie, 8, kLargest, 1, kNoPrealloc, 0},
      {"a value too large", MapType::kLpmTrie, 8, kLargest + 1, 1, kNoPrealloc, EINVAL},
      {"no entries", MapType::kLpmTrie, 8, 4, 0, kNoPrealloc, EINVAL},
      {"preallocated", MapType::kLpmTrie, 8, 4, 1, 0, EINVAL},
      {"zero seed", MapType::kLpmTrie, 8, 4, 1, kNoPrealloc | kZeroSeed, EINVAL},
      {"most entries", MapType::kLpmTrie, 8, 4, 0xffffffffU, kNoPrealloc, 0},
  };
  expect_answers(rows);
}

}  // namespace
}  // namespace netkit::bpf::test
