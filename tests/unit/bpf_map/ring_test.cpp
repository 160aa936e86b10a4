// Ring buffers and perf rings: what producers write a consumer reads through mappings of its own.
#include <poll.h>
#include <unistd.h>

#include <thread>

#include "bpf/map/perf_event_array.h"
#include "bpf/map/perf_ring.h"
#include "bpf/map/ringbuf.h"
#include "bpf/map/ringbuf_reader.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::ElementsAre;

constexpr std::uint32_t kRing = 4096;

MapSpec ring_spec(std::uint32_t size = kRing, std::uint32_t flags = 0) {
  return {.name = "ring", .type = MapType::kRingbuf, .max_entries = size, .flags = flags};
}

bool is_ready(int eventfd) {
  pollfd wait{eventfd, POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1;
}
void drain(int eventfd) {
  std::uint64_t count = 0;
  EXPECT_EQ(::read(eventfd, &count, sizeof count), 8);
}

class Ringbuf : public testing::Test {
 protected:
  bool output(std::uint64_t value, std::uint64_t flags = 0, std::uint64_t size = 8) {
    void* record = ringbuf_reserve(*map_, size);
    if (record == nullptr) return false;
    std::memcpy(record, &value, std::min<std::uint64_t>(size, sizeof value));
    ringbuf_commit(*map_, record, flags, false);
    return true;
  }
  std::vector<std::uint64_t> read() {
    std::vector<std::uint64_t> values;
    reader_->read([&](auto record) { values.push_back(number_in<std::uint64_t>(record)); });
    return values;
  }
  void use(const MapSpec& spec) {
    map_ = make_map(spec);
    reader_.emplace(*RingbufReader::map(map_->memory().file(), spec.max_entries));
  }
  void SetUp() override { use(ring_spec()); }

  MapRef map_;
  std::optional<RingbufReader> reader_;
};

TEST_F(Ringbuf, RecordsArriveInOrder) {
  for (std::uint64_t value = 1; value <= 3; ++value) EXPECT_TRUE(output(value));
  EXPECT_THAT(read(), ElementsAre(1, 2, 3));
  EXPECT_THAT(read(), ElementsAre());
}

TEST_F(Ringbuf, ARecordThatWrapsIsContiguous) {
  const Bytes payload(1000, std::byte{0x5a});
  for (int round = 0; round < 50; ++round) {
    void* record = ringbuf_reserve(*map_, payload.size());
    ASSERT_NE(record, nullptr) << round;
    std::memcpy(record, payload.data(), payload.size());
    ringbuf_commit(*map_, record, 0, false);
    ASSERT_EQ(reader_->read([&](auto read) { ASSERT_EQ(Bytes(read.begin(), read.end()), payload); }), 1U);
  }
}

TEST_F(Ringbuf, AFullRingTakesNothingUntilItIsRead) {
  std::size_t count = 0;
  while (output(count)) ++count;
  EXPECT_EQ(count, kRing / 16 - 1);  // one byte less than all of it
  EXPECT_EQ(read().size(), count);
  EXPECT_TRUE(output(1));
  EXPECT_EQ(ringbuf_reserve(*map_, kRing), nullptr);
  EXPECT_EQ(ringbuf_reserve(*map_, std::uint64_t{1} << 40), nullptr);
}

TEST_F(Ringbuf, ARecordThatIsBeingWrittenHoldsUpThoseBehindIt) {
  void* first = ringbuf_reserve(*map_, 8);
  EXPECT_TRUE(output(2));
  EXPECT_THAT(read(), ElementsAre());
  std::memset(first, 0, 8);
  ringbuf_commit(*map_, first, 0, false);
  EXPECT_THAT(read(), ElementsAre(0, 2));
}

TEST_F(Ringbuf, DiscardedRecordsAreSkipped) {
  ringbuf_commit(*map_, ringbuf_reserve(*map_, 8), 0, true);
  EXPECT_TRUE(output(7));
  EXPECT_THAT(read(), ElementsAre(7));
}

TEST_F(Ringbuf, TheConsumerIsWokenWhenItHasReadEverything) {
  EXPECT_TRUE(output(1));
  EXPECT_TRUE(is_ready(map_->wakeup()));
  drain(map_->wakeup());
  EXPECT_TRUE(output(2));  // the consumer has not come to it yet
  EXPECT_FALSE(is_ready(map_->wakeup()));
  EXPECT_TRUE(output(3, kRbForceWakeup));
  EXPECT_TRUE(is_ready(map_->wakeup()));
  drain(map_->wakeup());
  EXPECT_EQ(read().size(), 3U);
  EXPECT_TRUE(output(4, kRbNoWakeup));
  EXPECT_FALSE(is_ready(map_->wakeup()));
}

TEST_F(Ringbuf, AnOverwritingRingKeepsTheNewest) {
  use(ring_spec(kRing, kRbOverwrite));
  for (std::uint64_t value = 0; value < 1000; ++value) ASSERT_TRUE(output(value));
  EXPECT_EQ(ringbuf_query(*map_, 0), kRing - 16);
  EXPECT_EQ(ringbuf_query(*map_, 4), 16'000U - (kRing - 16));
}

TEST_F(Ringbuf, ManyProducersAndAConsumerLoseNothing) {
  constexpr std::uint64_t kEach = 20'000;
  constexpr int kProducers = 3;
  std::vector<std::jthread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        while (!output(i * kProducers + static_cast<std::uint64_t>(producer))) std::this_thread::yield();
      }
    });
  }
  std::uint64_t count = 0, sum = 0;
  while (count < kEach * kProducers) {
    for (const std::uint64_t value : read()) ++count, sum += value;
  }
  const std::uint64_t all = kEach * kProducers;
  EXPECT_EQ(sum, all * (all - 1) / 2);
}

TEST(RingbufMemory, AConsumerThatWritesNonsenseHurtsOnlyItself) {
  const MapRef map = make_map(ring_spec());
  Random random(5);
  std::byte* consumer = map->memory().base() + kPage;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t at = random() % 4 == 0 ? random() % 8 : random() % (2 * kPage + kRing);
    if (at < kPage || at >= kPage + 32) consumer[at] = static_cast<std::byte>(random());
    void* record = ringbuf_reserve(*map, random() % 5000);
    if (record == nullptr) continue;
    EXPECT_GE(record, consumer + 2 * kPage);
    EXPECT_LT(record, consumer + 2 * kPage + kRing);
    ringbuf_commit(*map, record, kRbNoWakeup, random() % 2 == 0);
  }
}

// ---- perf rings ----

struct Sample {
  perf_event_header header;
  std::uint32_t size;
};

std::vector<Bytes> records_of(PerfReader& reader) {
  std::vector<Bytes> records;
  reader.read([&](auto record) { records.emplace_back(record.begin(), record.end()); });
  return records;
}

TEST(PerfRing, ASampleIsWhatTheKernelWrites) {
  const auto ring = *netkit::bpf::PerfRing::open({.cpu = 0, .pages = 1});
  auto reader = *PerfReader::map(ring->file(), ring->size());
  const Bytes first(5, std::byte{1}), second(6, std::byte{2});
  EXPECT_EQ(ring->output(std::array<std::span<const std::byte>, 2>{first, second}), 0);
  EXPECT_TRUE(is_ready(ring->wakeup()));
  const auto records = records_of(reader);
  ASSERT_EQ(records.size(), 1U);
  const auto sample = number_in<Sample>(records[0]);
  EXPECT_EQ(sample.header.type, PERF_RECORD_SAMPLE);
  EXPECT_EQ(sample.header.size, 24);  // header, size, 11 bytes, rounded up
  EXPECT_EQ(sample.size, 12U);
  EXPECT_EQ(records[0][12], std::byte{1});
  EXPECT_EQ(records[0][17], std::byte{2});
  EXPECT_EQ(records[0][23], std::byte{0});
}

TEST(PerfRing, WhatFindsNoRoomIsCounted) {
  const auto ring = *netkit::bpf::PerfRing::open({.cpu = 0, .pages = 1});
  auto reader = *PerfReader::map(ring->file(), ring->size());
  const Bytes data(1000);
  const std::array<std::span<const std::byte>, 1> parts{data};
  int written = 0;
  while (ring->output(parts) == 0) ++written;
  EXPECT_EQ(written, 4);
  EXPECT_EQ(ring->output(parts), -ENOSPC);
  EXPECT_EQ(records_of(reader).size(), 4U);
  EXPECT_EQ(ring->output(parts), 0);
  const auto records = records_of(reader);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(number_in<perf_event_header>(records[0]).type, PERF_RECORD_LOST);
  EXPECT_EQ(number_in<std::uint64_t>(records[0], 16), 2U);
}

TEST(PerfRing, BadOptionsAreRefused) {
  EXPECT_EQ(netkit::bpf::PerfRing::open({.cpu = possible_cpus()}).error().code, EINVAL);
  EXPECT_EQ(netkit::bpf::PerfRing::open({.pages = 3}).error().code, EINVAL);
  EXPECT_EQ(netkit::bpf::PerfRing::open({.pages = 0}).error().code, EINVAL);
}

TEST(PerfEventArray, HoldsRingsWhileUserSpaceHoldsIt) {
  const auto ring = *netkit::bpf::PerfRing::open({.cpu = 0});
  for (const std::uint32_t flags : {0U, static_cast<std::uint32_t>(kPreserveElems)}) {
    MapSpec spec = spec_of(MapType::kPerfEventArray, 2, 4);
    spec.flags = flags;
    const MapRef map = make_map(spec);
    MapRef held = user_reference(map);
    EXPECT_EQ(code(map->write(bytes_of(1U), bytes_of(ring->id()), kAny)), 0);
    EXPECT_EQ(perf_ring_at(*map, 1), ring.get());
    EXPECT_EQ(perf_ring_at(*map, 0), nullptr);
    held = nullptr;
    EXPECT_EQ(perf_ring_at(*map, 1), flags == 0 ? nullptr : ring.get());
  }
}

}  // namespace
}  // namespace netkit::bpf::test
