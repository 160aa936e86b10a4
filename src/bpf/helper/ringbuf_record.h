// Records of a ring buffer that a run holds, for the helpers that give programs plain memory and for those
// that give them dynptrs.
#pragma once

#include <cstdint>

#include "bpf/map/map.h"
#include "bpf/run/context.h"

namespace netkit::bpf {

// A record of `size` bytes that the run owes back and may write; null: no room.
[[nodiscard]] void* reserve_record(RunContext& run, Map& map, std::uint64_t size);
// Submits or discards one that the run holds.
void commit_record(RunContext& run, void* record, std::uint64_t flags, bool discard);

}  // namespace netkit::bpf
