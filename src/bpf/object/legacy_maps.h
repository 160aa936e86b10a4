// Map definitions of the section `maps`: variables of type struct bpf_map_def (libbpf before 1.0) or struct
// bpf_elf_map (iproute2), whose values say what the map is.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bpf/object/elf_file.h"
#include "bpf/object/map_definition.h"

namespace netkit::bpf {

// All maps of the section with that index, sorted by offset. The section is divided evenly among its symbols;
// a definition has at least type, key size, value size, max_entries and flags, and may have id, pinning,
// inner id and inner index behind them. EINVAL: sizes that do not divide, unknown fields that are not zero,
// an inner id that no map has. `first` is the number that the object counts the first of them by.
[[nodiscard]] Result<std::vector<PlacedMap>> read_legacy_maps(const ElfFile& elf, std::uint32_t section,
                                                              std::uint32_t first);

}  // namespace netkit::bpf
