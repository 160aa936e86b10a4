// Long random sequences of operations, compared with a plain model, answers included.
#include <map>
#include <optional>

#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

std::uint64_t random_flags(Random& random) {
  constexpr std::uint64_t kFlags[] = {kAny, kAny, kAny, kNoexist, kExist, 3};
  return kFlags[random() % std::size(kFlags)];
}

// ---- hash ----

struct HashModel {
  std::map<std::uint32_t, std::uint64_t> entries;
  std::size_t max_entries;

  int update(std::uint32_t key, std::uint64_t value, std::uint64_t flags) {
    if (flags > kExist) return EINVAL;
    const bool exists = entries.contains(key);
    if (exists && flags == kNoexist) return EEXIST;
    if (!exists && flags == kExist) return ENOENT;
    if (!exists && entries.size() == max_entries) return E2BIG;
    entries[key] = value;
    return 0;
  }
  int erase(std::uint32_t key) { return entries.erase(key) == 1 ? 0 : ENOENT; }
  [[nodiscard]] std::int64_t read(std::uint32_t key) const {
    const auto found = entries.find(key);
    return found == entries.end() ? -ENOENT : static_cast<std::int64_t>(found->second);
  }
};

struct HashCase {
  MapType type;
  std::uint32_t key_size, flags;
};

class HashAgainstModel : public testing::TestWithParam<HashCase> {};

INSTANTIATE_TEST_SUITE_P(Cases, HashAgainstModel,
                         testing::Values(HashCase{MapType::kHash, 4, 0},
                                         HashCase{MapType::kHash, 13, kNoPrealloc},
                                         HashCase{MapType::kHash, 8, kZeroSeed},
                                         HashCase{MapType::kHash, 3, 0}, HashCase{MapType::kHash, 40, 0},
                                         HashCase{MapType::kPercpuHash, 16, 0},
                                         HashCase{MapType::kPercpuHash, 5, kNoPrealloc}));

TEST_P(HashAgainstModel, GivesTheSameAnswers) {
  constexpr std::uint32_t kEntries = 200, kKeys = 260;
  const auto& [type, key_size, flags] = GetParam();
  const MapRef map = make_map({.name = "m",
                               .type = type,
                               .key_size = key_size,
                               .value_size = 8,
                               .max_entries = kEntries,
                               .flags = flags});
  HashModel model{{}, kEntries};
  Random random(key_size);
  for (int step = 0; step < 200'000; ++step) {
    const std::uint32_t number = random() % kKeys;
    Bytes key(key_size);
    for (std::size_t at = 0; at < key.size(); ++at) key[at] = static_cast<std::byte>(number >> at % 3 * 8);
    const std::uint64_t value = random();
    switch (const std::uint64_t update_flags = random_flags(random); random() % 6) {
      case 0: {
        const std::uint32_t cpu = is_per_cpu(*map) ? 0 : random() % possible_cpus();
        ASSERT_EQ(map->operations().update(*map, key.data(), &value, update_flags, cpu),
                  -model.update(number, value, update_flags));
        break;
      }
      case 1:
        ASSERT_EQ(code(map->write(key, value_of(*map, value), update_flags)),
                  model.update(number, value, update_flags));
        break;
      case 2:
        ASSERT_EQ(map->operations().erase(*map, key.data()), -model.erase(number));
        break;
      case 3:
        ASSERT_EQ(code(map->remove(key)), model.erase(number));
        break;
      default: {
        const void* found = map->operations().lookup(*map, key.data(), 0);
        ASSERT_EQ(found == nullptr ? -ENOENT : shared_load<std::int64_t>(found), model.read(number)) << step;
      }
    }
  }
  EXPECT_EQ(keys_of(*map).size(), model.entries.size());
}

// ---- trie ----

// Prefixes as strings of '0' and '1', searched one by one.
class TrieModel {
 public:
  explicit TrieModel(std::size_t max_entries) : max_entries_(max_entries) {}

  int update(const std::string& prefix, std::uint64_t value, std::uint64_t flags) {
    if (flags > kExist) return EINVAL;
    const bool exists = entries_.contains(prefix);
    if (exists && flags == kNoexist) return EEXIST;
    if (!exists && flags == kExist) return ENOENT;
    if (!exists && entries_.size() == max_entries_) return ENOSPC;
    entries_[prefix] = value;
    return 0;
  }
  int erase(const std::string& prefix) { return entries_.erase(prefix) == 1 ? 0 : ENOENT; }
  [[nodiscard]] std::int64_t read(const std::string& prefix) const {
    for (std::size_t length = prefix.size() + 1; length-- > 0;) {
      const auto found = entries_.find(prefix.substr(0, length));
      if (found != entries_.end()) return static_cast<std::int64_t>(found->second);
    }
    return -ENOENT;
  }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& entries() const { return entries_; }

 private:
  std::map<std::string, std::uint64_t> entries_;
  std::size_t max_entries_;
};

std::string bits_of(std::span<const std::byte> key) {
  const auto length = number_in<std::uint32_t>(key);
  std::string bits;
  for (std::uint32_t at = 0; at < length; ++at) {
    bits += (std::to_integer<unsigned>(key[4 + at / 8]) >> (7 - at % 8) & 1) != 0 ? '1' : '0';
  }
  return bits;
}

class TrieAgainstModel : public testing::TestWithParam<std::uint32_t> {
 protected:
  // Few distinct bytes, so that prefixes share much and are met again.
  Bytes random_key(std::uint32_t longest) {
    Bytes key(4 + GetParam());
    for (std::size_t at = 4; at < key.size(); ++at) {
      key[at] = random_() % 4 == 0 ? static_cast<std::byte>(1U << random_() % 8) : std::byte{0};
    }
    store_unaligned(key.data(), static_cast<std::uint32_t>(random_() % (longest + 1)));
    return key;
  }
  Random random_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(DataSizes, TrieAgainstModel, testing::Values(1, 2, 4, 8, 11, 16, 256));

TEST_P(TrieAgainstModel, GivesTheSameAnswers) {
  constexpr std::uint32_t kEntries = 60;
  const std::uint32_t bits = GetParam() * 8;
  const MapRef map = make_map({.name = "m",
                               .type = MapType::kLpmTrie,
                               .key_size = 4 + GetParam(),
                               .value_size = 8,
                               .max_entries = kEntries,
                               .flags = kNoPrealloc});
  TrieModel model(kEntries);
  const std::uint32_t longest = std::min(bits, 24U);
  const int steps = GetParam() > 32 ? 2'000 : 60'000;  // the model's strings are slow
  for (int step = 0; step < steps; ++step) {
    const Bytes key = random_key(random_() % 2 == 0 ? longest : bits);
    const std::string prefix = bits_of(key);
    const std::uint64_t value = random_();
    switch (random_() % 5) {
      case 0:
      case 1: {
        const std::uint64_t flags = random_flags(random_);
        ASSERT_EQ(map->operations().update(*map, key.data(), &value, flags, 0),
                  -model.update(prefix, value, flags));
        break;
      }
      case 2:
        ASSERT_EQ(map->operations().erase(*map, key.data()), -model.erase(prefix));
        break;
      default: {
        const void* found = map->operations().lookup(*map, key.data(), 0);
        ASSERT_EQ(found == nullptr ? -ENOENT : shared_load<std::int64_t>(found), model.read(prefix)) << step;
      }
    }
  }
  std::vector<std::string> prefixes;
  for (const Bytes& key : keys_of(*map)) prefixes.push_back(bits_of(key));
  std::vector<std::string> wanted;
  for (const auto& [prefix, value] : model.entries()) wanted.push_back(prefix);
  EXPECT_THAT(prefixes, testing::UnorderedElementsAreArray(wanted));
}

}  // namespace
}  // namespace netkit::bpf::test
