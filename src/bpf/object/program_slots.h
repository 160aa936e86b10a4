// The slots of prog arrays that an object fills itself, in all the ways in which objects say so.
#pragma once

#include <vector>

#include "base/result.h"
#include "bpf/object/link.h"
#include "bpf/object/link_maps.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// `linked` has the programs. Slots of `values` are there whether or not their program is among them; those of
// tags and section names only when it is. EINVAL: a tag "tail:..." that names no slot of a prog array.
[[nodiscard]] Result<std::vector<ProgramSlot>> program_slots(const ObjectFile& object, const LinkedMaps& maps,
                                                             const LinkedObject& linked);

}  // namespace netkit::bpf
