// Locks and timers in values: what user space sees of them, and what they do.
#include <thread>

#include "base/clock.h"
#include "bpf/map/tables.h"
#include "bpf/map/timer.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

// struct { u64 number; struct bpf_spin_lock lock; u32 tail; struct bpf_timer timer; }
constexpr std::uint32_t kLockAt = 8, kTimerAt = 16, kSize = 32;

MapSpec spec_with_fields(MapType type, std::uint32_t max_entries = 4) {
  MapSpec spec = spec_of(type, max_entries, kSize);
  spec.fields = {{FieldKind::kTimer, kTimerAt}, {FieldKind::kSpinLock, kLockAt}};
  return spec;
}

class ValueFieldsTest : public testing::TestWithParam<MapType> {
 protected:
  MapRef map_ = make_map(spec_with_fields(GetParam()));
  std::byte* value(std::uint32_t key) { return static_cast<std::byte*>(program_lookup(*map_, key)); }
  static Bytes all(std::uint8_t byte) { return Bytes(kSize, std::byte{byte}); }
};

INSTANTIATE_TEST_SUITE_P(Types, ValueFieldsTest, testing::Values(MapType::kHash, MapType::kArray), name_of);

TEST_P(ValueFieldsTest, UserSpaceNeitherSeesNorWritesThem) {
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0xff), kAny)), 0);
  EXPECT_EQ(number_in<std::uint32_t>({value(1), kSize}, kLockAt), 0U);
  EXPECT_EQ(number_in<std::uint64_t>({value(1), kSize}, kTimerAt), 0U);
  Bytes read = all(0xee);
  ASSERT_EQ(code(map_->read(bytes_of(1U), read)), 0);
  Bytes expected = all(0xff);
  std::fill_n(expected.begin() + kLockAt, 4, std::byte{0});
  std::fill_n(expected.begin() + kTimerAt, 16, std::byte{0});
  EXPECT_EQ(read, expected);
}

TEST_P(ValueFieldsTest, LockedCopiesExcludeEachOther) {
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0), kAny)), 0);
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    for (std::uint8_t round = 0; !done; ++round)
      EXPECT_EQ(code(map_->write(bytes_of(1U), all(round), kLock)), 0);
  });
  for (int i = 0; i < 5000; ++i) {
    Bytes read(kSize);
    ASSERT_EQ(code(map_->read(bytes_of(1U), read, kLock)), 0);
    ASSERT_EQ(read[0], read[12]);
  }
  done = true;
}

TEST_P(ValueFieldsTest, TimersAnswerAsTheKernelDoes) {
  MapRef held = user_reference(map_);
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0), kAny)), 0);
  void* timer = value(1) + kTimerAt;
  EXPECT_EQ(timer_start(timer, 1, 0, 0), -EINVAL);
  EXPECT_EQ(timer_init(*map_, timer, CLOCK_PROCESS_CPUTIME_ID), -EINVAL);
  EXPECT_EQ(timer_init(*map_, timer, CLOCK_MONOTONIC), 0);
  EXPECT_EQ(timer_init(*map_, timer, CLOCK_MONOTONIC), -EBUSY);
  EXPECT_EQ(timer_start(timer, 1, 0, 0), -EINVAL);
  const ProgramRef program = ProgramTable::instance().publish(std::make_unique<Program>());
  EXPECT_EQ(timer_set_callback(timer, program, 7), 0);
  EXPECT_EQ(timer_start(timer, 1, 4, 0), -EINVAL);
  EXPECT_EQ(timer_start(timer, 1'000'000'000, 0, 0), 0);
  EXPECT_EQ(timer_cancel(timer, 0), 1);
  EXPECT_EQ(timer_cancel(timer, 0), 0);
  EXPECT_EQ(program.use_count(), 1);
}

TEST_P(ValueFieldsTest, ATimerIsTakenWhenItIsDue) {
  MapRef held = user_reference(map_);
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0), kAny)), 0);
  void* timer = value(1) + kTimerAt;
  const ProgramRef program = ProgramTable::instance().publish(std::make_unique<Program>());
  ASSERT_EQ(timer_init(*map_, timer, CLOCK_MONOTONIC), 0);
  ASSERT_EQ(timer_set_callback(timer, program, 7), 0);
  ASSERT_EQ(timer_start(timer, 1000, 0, 0), 0);
  const Nanoseconds due = next_timer(0);
  EXPECT_FALSE(DueTimer::take(0, due - 1));
  {
    const auto taken = DueTimer::take(0, due);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->value(), value(1));
    EXPECT_EQ(taken->function(), 7U);
    std::uint32_t room = 0;
    EXPECT_EQ(*static_cast<const std::uint32_t*>(map_->key_of(taken->value(), room)), 1U);
    EXPECT_EQ(timer_cancel(timer, 0), -EDEADLK);
    EXPECT_EQ(timer_start(timer, 1000, 0, 0), 0);  // a callback may start itself again
  }
  EXPECT_NE(next_timer(0), kNever);
  EXPECT_EQ(timer_cancel(timer, 0), 1);
}

TEST_P(ValueFieldsTest, TimersGoWithTheLastUserReference) {
  const ProgramRef program = ProgramTable::instance().publish(std::make_unique<Program>());
  MapRef held = user_reference(map_);
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0), kAny)), 0);
  void* timer = value(1) + kTimerAt;
  ASSERT_EQ(timer_init(*map_, timer, CLOCK_BOOTTIME), 0);
  ASSERT_EQ(timer_set_callback(timer, program, 7), 0);
  ASSERT_EQ(timer_start(timer, 1'000'000'000, 0, 0), 0);
  held = nullptr;
  EXPECT_EQ(program.use_count(), 1);
  EXPECT_EQ(next_timer(0), kNever);
  EXPECT_EQ(timer_init(*map_, timer, CLOCK_BOOTTIME), -EPERM);
}

TEST_P(ValueFieldsTest, AnUpdateTakesTheTimerAway) {
  const ProgramRef program = ProgramTable::instance().publish(std::make_unique<Program>());
  MapRef held = user_reference(map_);
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(0), kAny)), 0);
  ASSERT_EQ(timer_init(*map_, value(1) + kTimerAt, CLOCK_MONOTONIC), 0);
  ASSERT_EQ(timer_set_callback(value(1) + kTimerAt, program, 7), 0);
  ASSERT_EQ(timer_start(value(1) + kTimerAt, 1'000'000'000, 0, 0), 0);
  ASSERT_EQ(code(map_->write(bytes_of(1U), all(1), kAny)), 0);
  EXPECT_EQ(next_timer(0), kNever);
  EXPECT_EQ(program.use_count(), 1);
  EXPECT_EQ(timer_cancel(value(1) + kTimerAt, 0), -EINVAL);
}

TEST(ValueFieldsCreation, WhatTypesAllow) {
  const auto refusal = [](MapSpec spec, std::vector<SpecialField> fields) {
    spec.fields = std::move(fields);
    const auto map = create_map(spec);
    return map ? 0 : map.error().code;
  };
  const SpecialField lock{FieldKind::kSpinLock, 0}, timer{FieldKind::kTimer, 8};
  EXPECT_EQ(refusal(spec_of(MapType::kHash, 1, 24), {lock, timer}), 0);
  EXPECT_EQ(refusal(spec_of(MapType::kLruHash, 1, 24), {timer}), 0);
  EXPECT_EQ(refusal(spec_of(MapType::kLruHash, 1, 24), {lock}), EOPNOTSUPP);
  EXPECT_EQ(refusal(spec_of(MapType::kPercpuArray, 1, 24), {timer}), EOPNOTSUPP);
  EXPECT_EQ(refusal(spec_of(MapType::kHash, 1, 23), {timer}), EINVAL);
  MapSpec read_only = spec_of(MapType::kHash, 1, 24);
  read_only.flags = kRdonlyProg;
  EXPECT_EQ(refusal(read_only, {lock}), EACCES);
}

}  // namespace
}  // namespace netkit::bpf::test
