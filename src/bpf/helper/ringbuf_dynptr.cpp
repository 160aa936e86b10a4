// Ring buffer records as dynptrs: bpf_ringbuf_reserve_dynptr, _submit_dynptr, _discard_dynptr.
#include <cerrno>

#include "bpf/helper/call.h"
#include "bpf/helper/dynptr.h"
#include "bpf/helper/families.h"
#include "bpf/helper/ringbuf_record.h"

namespace netkit::bpf {
namespace {

// A null dynptr may, and must, be submitted or discarded as well.
std::int64_t ringbuf_reserve_dynptr(RunContext& run, Map& map, std::uint32_t size, std::uint64_t flags,
                                    Dynptr& made) {
  made = {};
  if (flags != 0) return -EINVAL;
  if (size > Dynptr::kMaxSize) return -E2BIG;
  const void* record = reserve_record(run, map, size);
  if (record == nullptr) return -EINVAL;
  made = Dynptr(Dynptr::Kind::kReservation, reinterpret_cast<std::uint64_t>(record), size);
  return 0;
}

void commit(RunContext& run, Dynptr& dynptr, std::uint64_t flags, bool discard) {
  if (dynptr.is_null()) return;
  if (dynptr.kind() != Dynptr::Kind::kReservation)
    return run.refuse("a dynptr that is not of a ring buffer was submitted or discarded");
  commit_record(run, reinterpret_cast<void*>(dynptr.data()), flags, discard);
  dynptr = {};
}
void ringbuf_submit_dynptr(RunContext& run, Dynptr& dynptr, std::uint64_t flags) {
  commit(run, dynptr, flags, false);
}
void ringbuf_discard_dynptr(RunContext& run, Dynptr& dynptr, std::uint64_t flags) {
  commit(run, dynptr, flags, true);
}

constexpr Contract kCommit = {
    .arguments = {Arg::kDynptr, Arg::kAnything}, .result = Return::kVoid, .effects = kReleases};

constexpr Helper kHelpers[] = {
    {.number = 198,
     .name = "ringbuf_reserve_dynptr",
     .contract = {.arguments = {Arg::kMap, Arg::kAnything, Arg::kAnything, Arg::kDynptrOut},
                  .effects = kAcquires},
     .function = helper_call<ringbuf_reserve_dynptr>},
    {.number = 199,
     .name = "ringbuf_submit_dynptr",
     .contract = kCommit,
     .function = helper_call<ringbuf_submit_dynptr>},
    {.number = 200,
     .name = "ringbuf_discard_dynptr",
     .contract = kCommit,
     .function = helper_call<ringbuf_discard_dynptr>},
};

}  // namespace

std::span<const Helper> ringbuf_dynptr_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
