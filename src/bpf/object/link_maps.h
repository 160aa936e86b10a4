// The maps of an object: created, taken over or, for data sections, filled.
#pragma once

#include <vector>

#include "base/result.h"
#include "bpf/object/link.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// One for each of ObjectContents::maps, then one for each of ::data.
[[nodiscard]] Result<std::vector<LinkedMap>> link_maps(const ObjectFile& object, const LinkOptions& options);

}  // namespace netkit::bpf
