// bpf_ringbuf_output, bpf_ringbuf_reserve, bpf_ringbuf_submit, bpf_ringbuf_discard, bpf_ringbuf_query.
#include "bpf/map/ringbuf.h"

#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/ringbuf_record.h"

namespace netkit::bpf {
namespace {

std::int64_t ringbuf_output(RunContext&, Map& map, const void* data, std::uint64_t size,
                            std::uint64_t flags) {
  if ((flags & ~(kRbNoWakeup | kRbForceWakeup)) != 0) return -EINVAL;
  void* record = netkit::bpf::ringbuf_reserve(map, size);
  if (record == nullptr) return -EAGAIN;
  if (size != 0) std::memcpy(record, data, size);
  ringbuf_commit(map, record, flags, false);
  return 0;
}

void discard_unreleased(const Reference& reference) {
  ringbuf_commit(*static_cast<Map*>(reference.owner), reinterpret_cast<void*>(reference.value), 0, true);
}

void* ringbuf_reserve(RunContext& run, Map& map, std::uint64_t size, std::uint64_t flags) {
  return flags == 0 ? reserve_record(run, map, size) : nullptr;
}

void ringbuf_submit(RunContext& run, void* record, std::uint64_t flags) {
  commit_record(run, record, flags, false);
}
void ringbuf_discard(RunContext& run, void* record, std::uint64_t flags) {
  commit_record(run, record, flags, true);
}

std::uint64_t ringbuf_query(RunContext&, const Map& map, std::uint64_t what) {
  return netkit::bpf::ringbuf_query(map, what);
}

constexpr Helper kHelpers[] = {
    {.number = 130,
     .name = "ringbuf_output",
     .contract = {.arguments = {Arg::kMap, Arg::kMem, Arg::kSizeOrZero, Arg::kAnything}},
     .function = helper_call<ringbuf_output>},
    {.number = 131,
     .name = "ringbuf_reserve",
     .contract = {.arguments = {Arg::kMap, Arg::kAnything, Arg::kAnything},
                  .result = Return::kMemoryOrNull,
                  .effects = kAcquires},
     .function = helper_call<ringbuf_reserve>},
    {.number = 132,
     .name = "ringbuf_submit",
     .contract = {.arguments = {Arg::kReservation, Arg::kAnything},
                  .result = Return::kVoid,
                  .effects = kReleases},
     .function = helper_call<ringbuf_submit>},
    {.number = 133,
     .name = "ringbuf_discard",
     .contract = {.arguments = {Arg::kReservation, Arg::kAnything},
                  .result = Return::kVoid,
                  .effects = kReleases},
     .function = helper_call<ringbuf_discard>},
    {.number = 134,
     .name = "ringbuf_query",
     .contract = {.arguments = {Arg::kMap, Arg::kAnything}},
     .function = helper_call<ringbuf_query>},
};

}  // namespace

void* reserve_record(RunContext& run, Map& map, std::uint64_t size) {
  void* record = netkit::bpf::ringbuf_reserve(map, size);
  if (record == nullptr) return nullptr;
  const auto address = reinterpret_cast<std::uint64_t>(record);
  run.references.acquire({ReferenceKind::kReservation, address, &map, discard_unreleased});
  run.regions.hand_out({address, size, RegionKind::kReservation, true, map.id()});
  return record;
}

void commit_record(RunContext& run, void* record, std::uint64_t flags, bool discard) {
  const auto address = reinterpret_cast<std::uint64_t>(record);
  auto& map = *static_cast<Map*>(run.references.find(ReferenceKind::kReservation, address)->owner);
  run.references.drop(ReferenceKind::kReservation, address);
  run.regions.take_back(address);
  ringbuf_commit(map, record, flags, discard);
}

std::span<const Helper> ringbuf_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
