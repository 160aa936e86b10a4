// PROG_ARRAY: the targets of tail calls. A slot holds a program's id, as control sees it, too; programs can
// do nothing with such a map but bpf_tail_call.
//
// All programs that share one must be of a kind (bpf_prog_map_compatible): the first program that uses the
// map or is put into it sets type and expected attach type for all others.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

// The program that a tail call through `index` reaches, valid until the caller's next quiescent state. Null:
// the slot is empty or beyond the array. `map` is a PROG_ARRAY.
[[nodiscard]] const Program* tail_call_target(const Map& map, std::uint32_t index);

// To be asked for every map that a program names, before the program is accepted: EINVAL when the map is a
// PROG_ARRAY of programs of another kind. The first one that is admitted decides.
[[nodiscard]] Result<> admit_map_user(Map& map, ProgramType type, AttachType expected_attach_type);

}  // namespace netkit::bpf
