// Maps of maps: what may be put in, what programs find, and how long it lives.
#include <atomic>
#include <thread>

#include "base/rcu.h"
#include "bpf/map/tables.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

MapSpec outer_spec(MapType type, const MapSpec& inner, std::uint32_t max_entries = 8) {
  MapSpec spec = spec_of(type, max_entries, 4);
  spec.inner = std::make_shared<MapSpec>(inner);
  return spec;
}

class MapOfMaps : public testing::TestWithParam<MapType> {
 protected:
  int put(std::uint32_t key, const MapRef& inner, std::uint64_t flags = kAny) {
    return code(outer_->write(bytes_of(key), bytes_of(inner->id()), flags));
  }
  Map* find(std::uint32_t key) { return static_cast<Map*>(program_lookup(*outer_, key)); }

  MapSpec inner_spec_ = spec_of(MapType::kHash, 4);
  MapRef outer_ = make_map(outer_spec(GetParam(), inner_spec_));
};

INSTANTIATE_TEST_SUITE_P(Types, MapOfMaps, testing::Values(MapType::kArrayOfMaps, MapType::kHashOfMaps),
                         name_of);

TEST_P(MapOfMaps, ProgramsFindTheMapAndUserSpaceItsId) {
  const MapRef inner = make_map(inner_spec_);
  ASSERT_EQ(put(3, inner), 0);
  EXPECT_EQ(find(3), inner.get());
  EXPECT_EQ(find(4), nullptr);
  Bytes id(4);
  ASSERT_EQ(code(outer_->read(bytes_of(3U), id)), 0);
  EXPECT_EQ(number_in<std::uint32_t>(id), inner->id());
  EXPECT_EQ(code(outer_->read(bytes_of(4U), id)), ENOENT);
}

TEST_P(MapOfMaps, OnlyMapsLikeTheTemplateAreTaken) {
  EXPECT_EQ(put(0, make_map(spec_of(MapType::kHash, 99))), 0);  // the size of a hash does not count
  EXPECT_EQ(put(0, make_map(spec_of(MapType::kHash, 4, 16))), EINVAL);
  EXPECT_EQ(put(0, make_map(spec_of(MapType::kArray, 4))), EINVAL);
  EXPECT_EQ(code(outer_->write(bytes_of(0U), bytes_of(0x7fffffffU), kAny)), EBADF);
}

TEST_P(MapOfMaps, SizesOfArraysCountWithoutInnerMap) {
  for (const std::uint32_t flags : {0U, static_cast<std::uint32_t>(kInnerMap)}) {
    MapSpec inner = spec_of(MapType::kArray, 4);
    inner.flags = flags;
    outer_ = make_map(outer_spec(GetParam(), inner));
    inner.max_entries = 5;
    EXPECT_EQ(put(0, make_map(inner)), flags == 0 ? EINVAL : 0);
  }
}

TEST_P(MapOfMaps, AnInnerMapLivesUntilItIsTakenOut) {
  MapRef inner = make_map(inner_spec_);
  const std::uint32_t id = inner->id();
  ASSERT_EQ(put(1, inner), 0);
  inner = nullptr;
  EXPECT_NE(MapTable::instance().find(id), nullptr);
  ASSERT_EQ(put(1, make_map(inner_spec_)), 0);
  rcu::drain();
  EXPECT_EQ(MapTable::instance().find(id), nullptr);
  const std::uint32_t second = find(1)->id();
  ASSERT_EQ(remove(*outer_, 1), 0);
  EXPECT_EQ(find(1), nullptr);
  rcu::drain();
  EXPECT_EQ(MapTable::instance().find(second), nullptr);
}

TEST_P(MapOfMaps, InnerMapsGoWithTheOuterOne) {
  MapRef inner = make_map(inner_spec_);
  const std::uint32_t id = inner->id();
  ASSERT_EQ(put(1, inner), 0);
  inner = nullptr;
  outer_ = nullptr;
  rcu::drain();
  EXPECT_EQ(MapTable::instance().find(id), nullptr);
}

TEST_P(MapOfMaps, ProgramsReadWhileUserSpaceReplaces) {
  ASSERT_EQ(put(0, make_map(inner_spec_)), 0);
  std::atomic<bool> done{false};
  std::vector<std::jthread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      const rcu::Reader online;
      while (!done.load()) {
        Map* inner = find(0);
        EXPECT_NE(inner, nullptr);
        if (inner == nullptr) break;
        EXPECT_EQ(program_update(*inner, 1, 1), 0);
        EXPECT_EQ(inner->spec().value_size, 8U);
        rcu::quiescent();
      }
    });
  }
  for (int i = 0; i < 300; ++i) ASSERT_EQ(put(0, make_map(inner_spec_)), 0);
  done = true;
}

TEST(MapOfMapsCreation, NeedsATemplateThatCanBeOne) {
  const auto refusal = [](MapType type, const MapSpec& inner) {
    const auto map = create_map(outer_spec(type, inner));
    return map ? 0 : map.error().code;
  };
  MapSpec none = spec_of(MapType::kArrayOfMaps, 1, 4);
  EXPECT_EQ(create_map(none).error().code, EINVAL);
  EXPECT_EQ(refusal(MapType::kArrayOfMaps, spec_of(MapType::kProgArray, 1)), kENOTSUPP);
  EXPECT_EQ(refusal(MapType::kHashOfMaps, outer_spec(MapType::kArrayOfMaps, spec_of(MapType::kHash, 1))),
            EINVAL);
  EXPECT_EQ(refusal(MapType::kHashOfMaps, {"i", MapType::kRingbuf, 0, 0, 4096, 0}), 0);
}

}  // namespace
}  // namespace netkit::bpf::test
