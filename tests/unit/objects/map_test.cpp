// Elements, batches and information of maps, through descriptors. Every errno in its order is held against
// the running kernel in tests/differential/object.
#include "control/map_batch.h"

#include <set>

#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

using bpf::MapType;
using testing::ElementsAre;
using testing::HasSubstr;

class Maps : public ObjectTest {
 protected:
  std::string update(int fd, std::uint32_t key, std::uint32_t value, std::uint64_t flags = 0) {
    return outcome(update_element(*client_, fd, bytes_of(key), bytes_of(value), flags));
  }
  std::string lookup(int fd, std::uint32_t key) {
    const Result<Buffer> value = lookup_element(*client_, fd, bytes_of(key));
    return value ? std::to_string(load_unaligned<std::uint32_t>(value->data())) : outcome(value);
  }
};

TEST_F(Maps, ElementsComeBackAsTheyWereWritten) {
  const int fd = create();
  EXPECT_EQ(lookup(fd, 1), "ENOENT");
  EXPECT_EQ(update(fd, 1, 10, bpf::kExist), "ENOENT");
  EXPECT_EQ(update(fd, 1, 10), "OK");
  EXPECT_EQ(update(fd, 1, 11, bpf::kNoexist), "EEXIST");
  EXPECT_EQ(lookup(fd, 1), "10");
  EXPECT_EQ(next_key(*client_, fd, {}), bytes_of(1));
  EXPECT_EQ(outcome(next_key(*client_, fd, bytes_of(1))), "ENOENT");
  EXPECT_EQ(lookup_and_delete_element(*client_, fd, bytes_of(1)), bytes_of(10));
  EXPECT_EQ(outcome(lookup_and_delete_element(*client_, fd, bytes_of(1))), "ENOENT");
  EXPECT_EQ(outcome(delete_element(*client_, fd, bytes_of(1))), "ENOENT");
}

TEST_F(Maps, KeysAndValuesOfAnotherSizeAreRefused) {
  const int fd = create();
  for (const std::size_t size : {0U, 3U, 5U}) {
    EXPECT_EQ(outcome(update_element(*client_, fd, Buffer(size), bytes_of(1))), "EINVAL");
    EXPECT_EQ(outcome(update_element(*client_, fd, bytes_of(1), Buffer(size))), "EINVAL");
    EXPECT_EQ(outcome(lookup_element(*client_, fd, Buffer(size))), "EINVAL");
    EXPECT_EQ(outcome(delete_element(*client_, fd, Buffer(size))), "EINVAL");
  }
}

TEST_F(Maps, TheTextOfARefusalSaysWhy) {
  MapCreateRequest request = map_request();
  request.map_flags = bpf::kRdonly;
  const int read_only = create_map(*client_, request).value();
  EXPECT_THAT(update_element(*client_, read_only, bytes_of(1), bytes_of(1)).error().text,
              HasSubstr("map 'flows' is open for reading only"));
  const int frozen = create();
  ASSERT_TRUE(freeze_map(*client_, frozen));
  EXPECT_THAT(update_element(*client_, frozen, bytes_of(1), bytes_of(1)).error().text,
              HasSubstr("map 'flows' is frozen"));
}

TEST_F(Maps, InformationShowsNameFlagsAndMemory) {
  MapCreateRequest request = map_request(MapType::kHash, 100);
  request.map_flags = bpf::kNoPrealloc | bpf::kWronly;
  const int fd = create_map(*client_, request).value();
  const MapInfo empty = map_info(*client_, fd).value();
  EXPECT_EQ(empty.type, 1U);
  EXPECT_EQ(empty.value_size, 100U);
  EXPECT_EQ(empty.map_flags, std::uint32_t{bpf::kNoPrealloc})
      << "what restricts the descriptor is not the map's";
  EXPECT_EQ(empty.name, "flows");
  EXPECT_FALSE(empty.frozen);
  EXPECT_GT(empty.memlock, 0U);
  ASSERT_TRUE(freeze_map(*client_, fd));
  EXPECT_TRUE(map_info(*client_, fd)->frozen);
  EXPECT_EQ(outcome(map_info(*client_, kBadDescriptor)), "EBADFD");
}

TEST_F(Maps, LongNamesOfObjectsAreCutShortForInformation) {
  const bpf::MapRef map = bpf::create_map({.name = "a_name_of_an_object_file",
                                           .type = MapType::kArray,
                                           .key_size = 4,
                                           .value_size = 4,
                                           .max_entries = 1})
                              .value();
  const MapInfo info = map_info(*client_, client_->open(map)).value();
  EXPECT_EQ(info.name, "a_name_of_an_ob");
  EXPECT_EQ(info.full_name, "a_name_of_an_object_file");
}

TEST_F(Maps, ADumpHoldsEveryEntryOnce) {
  const int fd = create();
  for (const std::uint32_t key : {3U, 1U, 2U}) ASSERT_EQ(update(fd, key, key * 10), "OK");
  std::set<Buffer> keys;
  const std::vector<MapEntry> entries = dump_map(*client_, fd).value();
  for (const MapEntry& entry : entries) keys.insert(entry.key);
  EXPECT_EQ(entries.size(), 3U);
  EXPECT_EQ(keys.size(), 3U);
}

TEST_F(Maps, BatchesGoOnWhereTheLastOneEnded) {
  for (const MapType type : {MapType::kHash, MapType::kArray, MapType::kLruHash}) {
    MapCreateRequest request = map_request(type);
    request.max_entries = 1000;
    const int fd = create_map(*client_, request).value();
    Buffer keys, values;
    for (std::uint32_t number = 0; number < 1000; ++number) {
      for (const std::byte byte : bytes_of(number)) keys.push_back(byte);
      for (const std::byte byte : bytes_of(number + 5)) values.push_back(byte);
    }
    std::uint32_t done = 0;
    ASSERT_TRUE(update_batch(*client_, {.map_fd = fd, .count = 1000, .keys = keys, .values = values}, done));
    EXPECT_EQ(done, 1000U);

    std::set<std::uint32_t> seen;
    BatchAnswer answer;
    Result<> result;
    do {
      result = lookup_batch(*client_, {.map_fd = fd, .cursor = answer.cursor, .count = 64}, answer);
      ASSERT_TRUE(result || result.error().code == ENOENT) << outcome(result);
      ASSERT_LE(answer.count, 64U);
      for (std::uint32_t at = 0; at < answer.count; ++at) {
        const auto key = load_unaligned<std::uint32_t>(answer.keys.data() + std::size_t{4} * at);
        EXPECT_EQ(load_unaligned<std::uint32_t>(answer.values.data() + std::size_t{4} * at), key + 5);
        EXPECT_TRUE(seen.insert(key).second) << "key " << key << " came twice";
      }
    } while (result);
    EXPECT_EQ(seen.size(), 1000U);
  }
}

TEST_F(Maps, ABatchThatTakesLeavesAnEmptyMap) {
  const int fd = create();
  for (std::uint32_t key = 0; key < 8; ++key) ASSERT_EQ(update(fd, key, key), "OK");
  BatchAnswer answer;
  EXPECT_EQ(outcome(lookup_and_delete_batch(*client_, {.map_fd = fd, .count = 100}, answer)), "ENOENT");
  EXPECT_EQ(answer.count, 8U);
  EXPECT_TRUE(dump_map(*client_, fd)->empty());
  for (std::uint32_t key = 0; key < 8; ++key) EXPECT_EQ(update(fd, key, key), "OK") << "places came back";
  EXPECT_EQ(update(fd, 8, 8), "E2BIG");
}

TEST_F(Maps, ABatchStopsAtTheFirstEntryThatFails) {
  const int fd = create();
  Buffer keys;
  for (std::uint32_t number = 0; number < 9; ++number)
    for (const std::byte byte : bytes_of(number)) keys.push_back(byte);
  std::uint32_t done = 0;
  EXPECT_EQ(outcome(update_batch(*client_, {.map_fd = fd, .count = 9, .keys = keys, .values = keys}, done)),
            "E2BIG");
  EXPECT_EQ(done, 8U);
  EXPECT_EQ(outcome(update_batch(*client_, {.map_fd = fd, .count = 10, .keys = keys, .values = keys}, done)),
            "EFAULT");
  EXPECT_EQ(outcome(delete_batch(*client_, {.map_fd = fd, .count = 0xffffffff, .keys = keys}, done)),
            "EFAULT");
}

TEST_F(Maps, AForeignCursorIsRefused) {
  BatchAnswer answer;
  for (const MapType type : {MapType::kHash, MapType::kArray}) {
    const int fd = create(type);
    const Result<> result = lookup_batch(*client_, {.map_fd = fd, .cursor = Buffer(3), .count = 1}, answer);
    EXPECT_FALSE(result);
  }
  const int fd = create();
  EXPECT_EQ(
      outcome(lookup_batch(*client_, {.map_fd = fd, .cursor = bytes_of(0xffffffff), .count = 1}, answer)),
      "ENOENT");
}

}  // namespace
}  // namespace netkit::control
