// Helpers of maps in programs: what a run holds and gives back, inner maps, walks, timers.
#include "base/endian.h"
#include "bpf/exec/timers.h"
#include "bpf/map/ringbuf.h"
#include "bpf/map/ringbuf_reader.h"
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class MapHelpers : public Interpreter {
 protected:
  Map& add_ring() { return add_map({"ring", MapType::kRingbuf, 0, 0, 4096, 0}); }
  Map& add_guarded() {
    MapSpec spec{"guarded", MapType::kArray, 4, 32, 1, 0};
    spec.fields = {{FieldKind::kSpinLock, 8}, {FieldKind::kTimer, 16}};
    return add_map(spec);
  }
  static std::uint64_t number(Map& map, std::uint32_t key) {
    std::vector<std::byte> value(map.spec().value_size);
    EXPECT_TRUE(map.read(std::as_bytes(std::span(&key, 1)), value));
    return load_unaligned<std::uint64_t>(value.data());
  }
  static void set(Map& map, std::uint32_t key, std::uint32_t id) {
    EXPECT_TRUE(map.write(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&id, 1)), kAny));
  }
  static std::size_t records_in(Map& ring) {
    return RingbufReader::map(ring.memory().file(), ring.spec().max_entries)->read([](auto) {});
  }
};

// ---- references ----

const std::string kReserve = "r1 = map[0]; r2 = 16; r3 = 0; call 131; if r0 == 0 goto out; r6 = r0;";

TEST_F(MapHelpers, a_reservation_is_memory_until_it_is_submitted) {
  Map& ring = add_ring();
  run(kReserve + "*(u64 *)(r6 +8) = 7; r1 = r6; r2 = 0; call 132; out: r0 = 0; exit");
  EXPECT_EQ(records_in(ring), 1U);
  EXPECT_THAT(fault(kReserve + "*(u64 *)(r6 +16) = 7; out: exit"), StartsWith("write of 8 bytes at"));
  EXPECT_THAT(fault(kReserve + "r1 = r6; r2 = 0; call 132; *(u64 *)(r6 +0) = 7; out: exit"),
              StartsWith("write of 8 bytes at"));
  EXPECT_THAT(fault(kReserve + "r1 = r6; r2 = 0; call 132; r1 = r6; r2 = 0; call 132; out: exit"),
              StartsWith("argument 1 of bpf_ringbuf_submit is no ring buffer record that the program has"));
}

TEST_F(MapHelpers, a_run_that_keeps_a_reservation_is_a_fault_and_the_record_is_discarded) {
  Map& ring = add_ring();
  EXPECT_THAT(fault(kReserve + "out: r0 = 0; exit"),
              StartsWith("the program ends with an unreleased ring buffer reservation"));
  EXPECT_TRUE(run_.references.empty());
  run(kReserve + "r1 = r6; r2 = 0; call 132; out: r0 = 0; exit");  // it does not wait behind the other
  EXPECT_EQ(records_in(ring), 1U);
}

TEST_F(MapHelpers, a_fault_discards_what_is_reserved) {
  Map& ring = add_ring();
  EXPECT_NE(fault(kReserve + "r0 = *(u64 *)(r0 +100); out: r0 = 0; exit"), "");
  EXPECT_EQ(records_in(ring), 0U);
  EXPECT_EQ(ringbuf_query(ring, 3), 24U);
}

// ---- locks ----

const std::string kFind =
    "*(u32 *)(r10 -4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call 1;"
    "if r0 == 0 goto out; r6 = r0;";
const std::string kLockIt = kFind + "r1 = r6; r1 += 8; call 93;";

TEST_F(MapHelpers, a_lock_is_taken_and_released) {
  Map& map = add_guarded();
  run(kLockIt + "*(u64 *)(r6 +0) = 5; r1 = r6; r1 += 8; call 94; out: r0 = 0; exit");
  EXPECT_EQ(number(map, 0), 5U);
}

TEST_F(MapHelpers, a_run_never_waits_for_itself) {
  add_guarded();
  EXPECT_THAT(fault(kLockIt + "r1 = r6; r1 += 8; call 93; out: r0 = 0; exit"),
              StartsWith("bpf_spin_lock is called while a spin lock is held"));
  EXPECT_THAT(fault(kLockIt + "r1 = map[0]; r2 = r10; r2 += -4; call 1; out: r0 = 0; exit"),
              StartsWith("bpf_map_lookup_elem is called while a spin lock is held"));
}

TEST_F(MapHelpers, a_fault_releases_the_lock) {
  add_guarded();
  EXPECT_NE(fault(kLockIt + "r0 = *(u64 *)(r0 +0); out: r0 = 0; exit"), "");
  EXPECT_THAT(fault(kLockIt + "out: r0 = 0; exit"),
              StartsWith("the program ends with an unreleased spin lock"));
  run(kLockIt + "r1 = r6; r1 += 8; call 94; out: r0 = 0; exit");
}

TEST_F(MapHelpers, only_the_lock_of_a_value_is_one) {
  add_guarded();
  EXPECT_THAT(fault(kFind + "r1 = r6; call 93; out: r0 = 0; exit"),
              StartsWith("argument 1 of bpf_spin_lock is no bpf_spin_lock of a map value"));
  EXPECT_THAT(fault("r1 = r10; r1 += -8; call 93; exit"),
              StartsWith("argument 1 of bpf_spin_lock is no bpf_spin_lock of a map value"));
  EXPECT_THAT(fault(kFind + "r1 = r6; r1 += 8; call 94; out: r0 = 0; exit"),
              StartsWith("bpf_spin_unlock of a lock that the program does not hold"));
}

// ---- inner maps ----

TEST_F(MapHelpers, what_a_map_of_maps_gives_is_a_map) {
  const MapSpec inner_spec{"inner", MapType::kArray, 4, 8, 2, 0};
  const MapRef inner = *create_map(inner_spec);
  MapSpec outer{"outer", MapType::kArrayOfMaps, 4, 4, 2, 0};
  outer.inner = std::make_shared<MapSpec>(inner_spec);
  set(add_map(outer), 1, inner->id());
  const std::string find = "*(u32 *)(r10 -4) = 1; r1 = map[0]; r2 = r10; r2 += -4; call 1; r6 = r0;";
  EXPECT_EQ(run(find + "r1 = r6; r2 = r10; r2 += -4; call 1; *(u64 *)(r0 +0) = 9; r0 = 1; exit"), 1U);
  EXPECT_EQ(number(*inner, 1), 9U);
  EXPECT_THAT(fault(find + "r0 = *(u64 *)(r6 +0); exit"), StartsWith("read of 8 bytes at"));
  EXPECT_THAT(fault(find + "r1 = r6; r1 += 8; r2 = r10; r2 += -4; call 1; exit"),
              StartsWith("argument 1 of bpf_map_lookup_elem is not a map of the program"));
  EXPECT_EQ(run("*(u32 *)(r10 -4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call 1; exit"), 0U);
}

TEST_F(MapHelpers, an_inner_map_of_an_earlier_run_is_none) {
  const MapSpec inner_spec{"inner", MapType::kArray, 4, 8, 2, 0};
  const MapRef inner = *create_map(inner_spec);
  add_map({"plain", MapType::kArray, 4, 8, 1, 0});
  run_.found_maps.push_back(reinterpret_cast<std::uint64_t>(inner.get()));
  EXPECT_THAT(
      fault("*(u32 *)(r10 -4) = 1; r1 = " + std::to_string(reinterpret_cast<std::uint64_t>(inner.get())) +
            " ll; r2 = r10; r2 += -4; call 1; exit"),
      StartsWith("argument 1 of bpf_map_lookup_elem is not a map of the program"));
}

// ---- walks ----

TEST_F(MapHelpers, a_walk_lends_key_and_value_to_the_body) {
  Map& map = add_map({"a", MapType::kArray, 4, 8, 3, 0});
  functions_ = {10};
  EXPECT_EQ(run("*(u64 *)(r10 -8) = 0; r1 = map[0]; r2 = function 1; r3 = r10; r3 += -8; r4 = 0; call 164;"
                "exit; body: r5 = *(u32 *)(r2 +0); *(u64 *)(r3 +0) = r5; *(u64 *)(r4 +0) = r3; r0 = 0; exit"),
            3U);
  EXPECT_EQ(number(map, 2), 2U);
  // The key is not for writing, and the value is gone afterwards.
  EXPECT_THAT(
      fault("*(u64 *)(r10 -8) = 0; r1 = map[0]; r2 = function 1; r3 = r10; r3 += -8; r4 = 0; call 164;"
            "exit; body: *(u32 *)(r2 +0) = 1; r0 = 0; exit"),
      HasSubstr("read-only"));
  functions_ = {12};
  EXPECT_THAT(
      fault("*(u64 *)(r10 -8) = 0; r1 = map[0]; r2 = function 1; r3 = r10; r3 += -8; r4 = 0; call 164;"
            "r1 = *(u64 *)(r10 -8); r0 = *(u64 *)(r1 +0); exit; *(u64 *)(r4 +0) = r3; r0 = 0; exit"),
      StartsWith("read of 8 bytes at"));
}

TEST_F(MapHelpers, tries_are_not_walked) {
  add_map({"trie", MapType::kLpmTrie, 8, 8, 3, kNoPrealloc});
  functions_ = {8};
  EXPECT_THAT(fault("r1 = map[0]; r2 = function 1; r3 = 0; r4 = 0; call 164; exit; r0 = 0; exit"),
              StartsWith("bpf_for_each_map_elem is not supported on a map of type lpm_trie"));
}

TEST_F(MapHelpers, helpers_take_the_maps_of_their_type) {
  add_ring();
  EXPECT_THAT(fault("*(u32 *)(r10 -4) = 0; r1 = map[0]; r2 = r10; r2 += -4; call 1; exit"),
              StartsWith("argument 1 of bpf_map_lookup_elem is a map of type ringbuf, which this helper"));
  EXPECT_THAT(fault("*(u32 *)(r10 -4) = 0; r1 = map[0]; r2 = r10; r2 += -4; r3 = 0; call 87; exit"),
              StartsWith("argument 1 of bpf_map_push_elem is a map of type ringbuf, which this helper"));
}

// ---- timers ----

class Timers : public MapHelpers {
 protected:
  // Starts the timer of value 0, whose body is what follows.
  static std::string start(const std::string& body) {
    return kFind +
           "r7 = r6; r7 += 16; r1 = r7; r2 = map[0]; r3 = 1; call 169; r1 = r7; r2 = function 1; call 170;" +
           "r1 = r7; r2 = 0; r3 = 0; call 171; out: exit; body: " + body;
  }
  std::uint32_t run_timers() {
    const rcu::Section section;
    return run_due_timers(
        run_, monotonic_ns(),
        [](void* self, const Program&, const Fault& fault) {
          static_cast<Timers*>(self)->fault_ = fault.text;
        },
        this);
  }
  Map& map_ = add_guarded();
  MapRef held_ = user_reference(maps_[0]);
  std::string fault_;
};

TEST_F(Timers, a_callback_gets_map_key_and_value) {
  functions_ = {24};
  const std::string code = start(
      "r0 = *(u32 *)(r2 +0); *(u64 *)(r3 +0) = 42; r2 = r10; r2 += -4;"
      "*(u32 *)(r10 -4) = 0; call 1; r0 = 0; exit");
  EXPECT_EQ(run(code), 0U);
  EXPECT_EQ(number(map_, 0), 0U);
  EXPECT_EQ(run_timers(), 1U);
  EXPECT_EQ(fault_, "");
  EXPECT_EQ(number(map_, 0), 42U);
  EXPECT_EQ(run_timers(), 0U);
}

TEST_F(Timers, a_callback_has_neither_packet_nor_context) {
  functions_ = {24};
  EXPECT_EQ(run(start("r1 = " + std::to_string(run_.context_address()) + " ll; r0 = *(u32 *)(r1 +0); exit")),
            0U);
  EXPECT_EQ(run_timers(), 1U);
  EXPECT_THAT(fault_, StartsWith("read of 4 bytes at"));
  EXPECT_TRUE(map_.remove(std::array<std::byte, 4>{}).error().code == EINVAL);
}

TEST_F(Timers, without_a_user_reference_there_is_none) {
  functions_ = {24};
  held_ = nullptr;
  EXPECT_EQ(static_cast<std::int64_t>(run(start("r0 = 0; exit"))), -EINVAL);
  EXPECT_EQ(run_timers(), 0U);
}

}  // namespace
}  // namespace netkit::bpf::test
