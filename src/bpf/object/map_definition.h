// Map definitions of the `.maps` section: variables whose struct type says in BTF what the map is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/elf_file.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// A definition and where its variable lies in `.maps`.
struct PlacedMap {
  MapDefinition definition;  // `values` is empty: their targets are known only after relocation
  std::uint64_t offset = 0;  // bytes
  std::uint64_t size = 0;
  std::optional<std::uint32_t> values_offset;  // of the `values` member in the variable
};

// All maps of `.maps` (its section index is `section`), sorted by offset. The members are those of
// libbpf's parse_btf_map_def: type, max_entries, map_flags, numa_node, key, key_size, value, value_size,
// values, pinning, map_extra. Any pinning number is taken. EINVAL: a malformed definition; ENOTSUP: an
// unknown member.
[[nodiscard]] Result<std::vector<PlacedMap>> read_map_definitions(const ElfFile& elf, std::uint32_t section,
                                                                  const Btf& btf);

}  // namespace netkit::bpf
