// PERF_EVENT_ARRAY: perf rings by index, as a rule one for each CPU under its number.
#pragma once

#include "bpf/map/map.h"
#include "bpf/map/perf_ring.h"

namespace netkit::bpf {

// The ring at an index, valid until the caller's next quiescent state; null: none. `map` is a
// PERF_EVENT_ARRAY, `index` below its max_entries.
[[nodiscard]] PerfRing* perf_ring_at(const Map& map, std::uint32_t index);

}  // namespace netkit::bpf
