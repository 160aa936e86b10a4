// Helpers about programs, maps and the machine.
#include <cerrno>
#include <memory>

#include "base/rcu.h"
#include "bpf/map/prog_array.h"
#include "bpf/map/tables.h"
#include "fixture.h"

namespace netkit::bpf {
namespace {

using Programs = HelperTest;

// ---- maps ----

class MapHelpers : public HelperTest {
 protected:
  MapRef make(MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries) {
    return *create_map(
        {.name = "m", .type = type, .key_size = key, .value_size = value, .max_entries = entries});
  }
};

TEST_F(MapHelpers, ReachTheMapsOperations) {
  const MapRef map = make(MapType::kHash, 4, 8, 1);
  const std::uint32_t key = 1, other = 2;
  const std::uint64_t value = 77;
  EXPECT_EQ(call("map_lookup_elem", map.get(), &key), 0);
  EXPECT_EQ(call("map_update_elem", map.get(), &key, &value, kExist), -ENOENT);
  EXPECT_EQ(call("map_update_elem", map.get(), &key, &value, kAny), 0);
  EXPECT_EQ(call("map_update_elem", map.get(), &key, &value, kNoexist), -EEXIST);
  EXPECT_EQ(call("map_update_elem", map.get(), &other, &value, kAny), -E2BIG);
  EXPECT_EQ(call("map_update_elem", map.get(), &key, &value, 64), -EINVAL);
  const std::int64_t found = call("map_lookup_elem", map.get(), &key);
  ASSERT_NE(found, 0);
  EXPECT_EQ(load_unaligned<std::uint64_t>(reinterpret_cast<const void*>(found)), 77U);
  EXPECT_EQ(call("map_delete_elem", map.get(), &key), 0);
  EXPECT_EQ(call("map_delete_elem", map.get(), &key), -ENOENT);
}

TEST_F(MapHelpers, GoByTheRunsCpu) {
  const MapRef map = make(MapType::kPercpuArray, 4, 8, 1);
  const std::uint32_t key = 0;
  const auto value_on = [&](std::uint32_t cpu) {
    run.cpu = cpu;
    return call("map_lookup_elem", map.get(), &key);
  };
  if (possible_cpus() < 2) GTEST_SKIP() << "one CPU has one copy";
  EXPECT_NE(value_on(0), value_on(1));
}

// ---- tail calls ----

class TailCall : public MapHelpers {
 protected:
  TailCall() : programs(make(MapType::kProgArray, 4, 4, 3)) {
    auto made = std::make_unique<Program>();
    made->type = ProgramType::kSchedCls;
    target = ProgramTable::instance().publish(std::move(made));
    const std::uint32_t slot = 1;
    const std::uint32_t id = target->id;
    const auto put =
        programs->write(std::as_bytes(std::span(&slot, 1)), std::as_bytes(std::span(&id, 1)), kAny);
    EXPECT_TRUE(put.has_value());
  }
  const Program* tail_call(std::uint64_t index) {
    EXPECT_EQ(call_skb("tail_call", programs.get(), index), 0);
    return run.tail_target;
  }
  rcu::Section section;
  MapRef programs;
  ProgramRef target;
};

TEST_F(TailCall, LeavesTheTargetForTheEngineAndCounts) {
  EXPECT_EQ(tail_call(1), target.get());
  EXPECT_EQ(run.tail_calls, 1U);
}

TEST_F(TailCall, FallsThroughEmptySlotsAndIndexesBeyondTheArray) {
  EXPECT_EQ(tail_call(0), nullptr);
  EXPECT_EQ(tail_call(3), nullptr);
  EXPECT_EQ(tail_call(0xffff'ffff), nullptr);
  EXPECT_EQ(run.tail_calls, 0U);
}

TEST_F(TailCall, TheIndexHasThirtyTwoBits) {
  EXPECT_EQ(tail_call(0x1'0000'0001), target.get());
}

TEST_F(TailCall, ThirtyThreeAreTaken) {
  for (int i = 0; i < 33; ++i) EXPECT_NE(tail_call(1), nullptr);
  EXPECT_EQ(tail_call(1), nullptr);
  EXPECT_EQ(run.tail_calls, 33U);
}

// ---- loop ----

class Loop : public HelperTest {
 protected:
  Loop() {
    run.engine = this;
    run.call_back = [](RunContext& context, std::uint64_t function, std::array<std::uint64_t, 5> arguments) {
      auto& self = *static_cast<Loop*>(context.engine);
      EXPECT_EQ(function, 0xf00U);
      EXPECT_EQ(arguments[1], 0xc7U);
      EXPECT_EQ(arguments[0], self.calls);
      ++self.calls;
      if (self.calls == self.fault_at) context.fault.happened = true;
      return std::uint64_t{self.calls == self.stop_at ? 1U : 0U};
    };
  }
  std::int64_t loop(std::uint64_t count, std::uint64_t flags = 0) {
    return call("loop", count, 0xf00, 0xc7, flags);
  }
  std::uint64_t calls = 0, stop_at = 0, fault_at = 0;
};

TEST_F(Loop, CallsTheBodyWithItsIndex) {
  EXPECT_EQ(loop(5), 5);
}
TEST_F(Loop, MayHaveNothingToDo) {
  EXPECT_EQ(loop(0), 0);
  EXPECT_EQ(calls, 0U);
}
TEST_F(Loop, StopsWhenTheBodySaysSoAndCountsThatTurn) {
  stop_at = 3;
  EXPECT_EQ(loop(5), 3);
}
TEST_F(Loop, EndsAtAFault) {
  fault_at = 2;
  EXPECT_EQ(loop(5), 2);
  EXPECT_EQ(calls, 2U);
}
TEST_F(Loop, ChecksFlagsThenTheLimit) {
  EXPECT_EQ(loop(0x80'0001, 1), -EINVAL);
  EXPECT_EQ(loop(0x80'0001), -E2BIG);
  EXPECT_EQ(loop(0x80'0000), 0x80'0000);
}

// ---- clocks, random numbers, the CPU ----

TEST_F(Programs, ClocksAreThoseOfTheMachine) {
  const auto reads = [&](std::string_view helper, clockid_t clock) {
    const auto before = static_cast<std::int64_t>(clock_ns(clock));
    const std::int64_t read = call(helper);
    return before <= read && read <= static_cast<std::int64_t>(clock_ns(clock));
  };
  EXPECT_TRUE(reads("ktime_get_ns", CLOCK_MONOTONIC));
  EXPECT_TRUE(reads("ktime_get_boot_ns", CLOCK_BOOTTIME));
  EXPECT_TRUE(reads("ktime_get_coarse_ns", CLOCK_MONOTONIC_COARSE));
  EXPECT_TRUE(reads("ktime_get_tai_ns", CLOCK_TAI));
}

TEST_F(Programs, TimeAndChanceCanBePinned) {
  outside.clock = [](void*, clockid_t clock) -> Nanoseconds {
    return clock == CLOCK_MONOTONIC ? 8'000'000 : 5;
  };
  outside.random = [](void*) -> std::uint32_t { return 0xffff'fff0; };
  EXPECT_EQ(call("ktime_get_ns"), 8'000'000);
  EXPECT_EQ(call("ktime_get_tai_ns"), 5);
  EXPECT_EQ(call("jiffies64"), std::int64_t{0xffff'ffff} - 300 * 250 + 1 + 2);
  EXPECT_EQ(call("get_prandom_u32"), std::int64_t{0xffff'fff0});
}

TEST_F(Programs, RandomNumbersDiffer) {
  const std::int64_t first = call("get_prandom_u32");
  EXPECT_FALSE(first == call("get_prandom_u32") && first == call("get_prandom_u32"));
}

TEST_F(Programs, TheCpuIsTheRuns) {
  run.cpu = 3;
  EXPECT_EQ(call("get_smp_processor_id"), 3);
  EXPECT_EQ(call("get_numa_node_id"), 0);
}

}  // namespace
}  // namespace netkit::bpf
