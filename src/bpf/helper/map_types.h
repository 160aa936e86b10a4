// Which map types a helper takes (check_map_func_compatibility).
#pragma once

#include <cstdint>

#include "bpf/run/types.h"

namespace netkit::bpf {

// Whether a helper whose contract names a map takes one of that type.
[[nodiscard]] bool helper_takes_map(std::uint32_t helper, MapType type);

}  // namespace netkit::bpf
