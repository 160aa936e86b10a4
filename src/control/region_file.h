// The names of pinned maps' regions in the file system, so that a region outlives the engine.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bpf/map/map.h"

namespace netkit::control {

// Links the region's file as root/place ("a/b"), making directories as needed; a file that is there already
// is an earlier engine's and is replaced. Nothing to do for a region without a file, and for one that has
// lost its last name: Linux gives such a file no new one.
Result<> name_region(const std::string& root, std::string_view place, const bpf::Map& map);

// Takes the name away again, and directories that have become empty.
void forget_region(const std::string& root, std::string_view place);

}  // namespace netkit::control
