// What generated programs work on: maps, programs to tail-call, and packets, the same for both engines.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "bpf/map/map.h"

namespace netkit::differential {

// Maps of every generated program, by their numbers.
enum GeneratedMap : std::uint8_t {
  kResultMap,
  kArrayMap,
  kHashMap,
  kTrieMap,
  kQueueMap,
  kTargetsMap,
  kPercpuMap,
  kStringsMap
};

// Those whose contents are compared.
inline constexpr auto kCompared =
    std::to_array({kResultMap, kArrayMap, kHashMap, kTrieMap, kQueueMap, kPercpuMap});

inline constexpr std::uint32_t kValueBytes = 32;  // of the array, the hash map and the trie
inline constexpr std::uint32_t kEntries = 8;      // that they have room for
inline constexpr std::uint32_t kResultBytes = 160;

inline const std::array kMaps = {
    bpf::MapSpec{.name = "result",
                 .type = bpf::MapType::kArray,
                 .key_size = 4,
                 .value_size = kResultBytes,
                 .max_entries = 1},
    bpf::MapSpec{.name = "array",
                 .type = bpf::MapType::kArray,
                 .key_size = 4,
                 .value_size = kValueBytes,
                 .max_entries = kEntries},
    bpf::MapSpec{.name = "hash",
                 .type = bpf::MapType::kHash,
                 .key_size = 4,
                 .value_size = kValueBytes,
                 .max_entries = kEntries,
                 .flags = bpf::kNoPrealloc},
    bpf::MapSpec{.name = "trie",
                 .type = bpf::MapType::kLpmTrie,
                 .key_size = 8,
                 .value_size = kValueBytes,
                 .max_entries = kEntries,
                 .flags = bpf::kNoPrealloc},
    bpf::MapSpec{.name = "queue",
                 .type = bpf::MapType::kQueue,
                 .key_size = 0,
                 .value_size = 8,
                 .max_entries = kEntries},
    bpf::MapSpec{.name = "targets",
                 .type = bpf::MapType::kProgArray,
                 .key_size = 4,
                 .value_size = 4,
                 .max_entries = kEntries},
    bpf::MapSpec{.name = "percpu",
                 .type = bpf::MapType::kPercpuArray,
                 .key_size = 4,
                 .value_size = kValueBytes,
                 .max_entries = kEntries},
    bpf::MapSpec{.name = "strings",
                 .type = bpf::MapType::kArray,
                 .key_size = 4,
                 .value_size = 64,
                 .max_entries = 1,
                 .flags = bpf::kRdonlyProg},
};

// Where strings lie in kStringsMap, which is frozen.
inline constexpr int kFormatAt = 0;
inline constexpr int kWordAt = 32;
inline constexpr std::string_view kFormat = "%d of %u, %llx";
inline constexpr std::string_view kWord = "word";

// The slots of kTargetsMap, from 0 on; those behind them are empty.
inline constexpr auto kTargets = std::to_array<std::string_view>({
    "r2 = 7; *(u32 *)(r1 +8) = r2; r0 = 3; exit",
    "r6 = r1; r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 26; r0 = *(u64 *)(r10 -8); w0 &= 255; exit",
    "r2 = map[5]; r3 = 0; call 12; r0 = 9; exit",
    "r6 = r1; r2 = map[5]; r3 = 3; call 12; r0 = *(u32 *)(r6 +48); w0 += 1; *(u32 *)(r6 +48) = r0; exit",
});

}  // namespace netkit::differential
