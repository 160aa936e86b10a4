// What the tests of maps share: maps of every type, keys and values made from numbers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/endian.h"
#include "base/per_cpu.h"
#include "bpf/map/map.h"
#include "bpf/map/value.h"

namespace netkit::bpf::test {

using Bytes = std::vector<std::byte>;

template <class T>
Bytes bytes_of(const T& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class T>
T number_in(std::span<const std::byte> bytes, std::size_t at = 0) {
  return load_unaligned<T>(bytes.data() + at);
}

// The same numbers in every run.
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

 private:
  std::mt19937 engine_;
};

inline int code(const Result<>& result) {
  return result ? 0 : result.error().code;
}

inline MapSpec spec_of(MapType type, std::uint32_t max_entries, std::uint32_t value_size = 8) {
  const bool trie = type == MapType::kLpmTrie;
  return {.name = "m",
          .type = type,
          .key_size = trie ? 8U : 4U,
          .value_size = type == MapType::kProgArray ? 4U : value_size,
          .max_entries = max_entries,
          .flags = trie ? kNoPrealloc : 0U};
}

inline MapRef make_map(const MapSpec& spec) {
  auto map = create_map(spec);
  EXPECT_TRUE(map) << describe(map.error());
  return map.value_or(nullptr);
}
inline MapRef make_map(MapType type, std::uint32_t max_entries, std::uint32_t value_size = 8) {
  return make_map(spec_of(type, max_entries, value_size));
}

inline bool is_array(const Map& map) {
  return map.spec().type == MapType::kArray || map.spec().type == MapType::kPercpuArray;
}
inline bool is_lru(const Map& map) {
  return map.spec().type == MapType::kLruHash || map.spec().type == MapType::kLruPercpuHash;
}
inline bool is_per_cpu(const Map& map) {
  return map.spec().type == MapType::kPercpuArray || map.spec().type == MapType::kPercpuHash ||
         map.spec().type == MapType::kLruPercpuHash;
}

// A key of a trie of 4 data bytes: `length` bits of an address in host order.
inline Bytes prefix_key(std::uint32_t length, std::uint32_t address) {
  Bytes key = bytes_of(length);
  const Bytes data = bytes_of(Be32(address).raw());
  key.insert(key.end(), data.begin(), data.end());
  return key;
}

// The key number `n`: an index, a number, or a host address.
inline Bytes key_of(const Map& map, std::uint32_t n) {
  return map.spec().type == MapType::kLpmTrie ? prefix_key(32, n) : bytes_of(n);
}

// A value of the size that user space sees, all words of it `n` (in the copy of each CPU).
inline Bytes value_of(const Map& map, std::uint64_t n) {
  Bytes value(map.user_value_size());
  for (std::size_t at = 0; at < value.size(); ++at) {
    value[at] = static_cast<std::byte>(n >> at % 8 * 8);
  }
  return value;
}

inline int write(Map& map, std::uint32_t key, std::uint64_t value, std::uint64_t flags = kAny) {
  return code(map.write(key_of(map, key), value_of(map, value), flags));
}
inline int remove(Map& map, std::uint32_t key) {
  return code(map.remove(key_of(map, key)));
}

// The value that user space reads for a key, in its first 8 bytes; an errno as a negative number.
inline std::int64_t read(Map& map, std::uint32_t key) {
  Bytes value(map.user_value_size());
  const auto result = map.read(key_of(map, key), value);
  return result ? number_in<std::int64_t>(value) : -result.error().code;
}

// What programs do, on a virtual CPU.
inline std::int64_t program_update(Map& map, std::uint32_t key, std::uint64_t value,
                                   std::uint64_t flags = kAny, std::uint32_t cpu = 0) {
  return map.operations().update(map, key_of(map, key).data(), &value, flags, cpu);
}
inline std::int64_t program_delete(Map& map, std::uint32_t key) {
  return map.operations().erase(map, key_of(map, key).data());
}
inline void* program_lookup(Map& map, std::uint32_t key, std::uint32_t cpu = 0) {
  return map.operations().lookup(map, key_of(map, key).data(), cpu);
}
// The value that a program finds; -ENOENT: null.
inline std::int64_t program_read(Map& map, std::uint32_t key, std::uint32_t cpu = 0) {
  const void* value = program_lookup(map, key, cpu);
  return value == nullptr ? -ENOENT : shared_load<std::int64_t>(value);
}

// All keys by next_key.
inline std::vector<Bytes> keys_of(Map& map) {
  std::vector<Bytes> keys;
  Bytes next(map.spec().key_size);
  Result<> more = map.next_key({}, next);
  for (; more && keys.size() < 100'000; more = map.next_key(keys.back(), next)) keys.push_back(next);
  EXPECT_EQ(code(more), ENOENT);
  return keys;
}

inline std::string name_of(const testing::TestParamInfo<MapType>& info) {
  return std::string(map_type_name(info.param));
}

}  // namespace netkit::bpf::test
