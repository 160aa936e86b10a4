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

// A definition and where its variable lies.
struct PlacedMap {
  MapDefinition definition;   // of .maps: `values` is empty, their targets are known only after relocation
  std::uint32_t section = 0;  // index of the ELF section
  std::uint64_t offset = 0;   // bytes
  std::uint64_t size = 0;
  std::optional<std::uint32_t> values_offset;  // of the `values` member in the variable
};

// What libbpf fills in when an object leaves it out (map_set_def_max_entries, adjust_ringbuf_sz, and sizes
// that have one possible value).
void apply_map_defaults(MapSpec& spec);

// All maps of `.maps` (its section index is `section`), sorted by offset. The members are those of
// libbpf's parse_btf_map_def: type, max_entries, map_flags, numa_node, key, key_size, value, value_size,
// values, pinning, map_extra. Any pinning number is taken. EINVAL: a malformed definition; ENOTSUP: an
// unknown member.
[[nodiscard]] Result<std::vector<PlacedMap>> read_map_definitions(const ElfFile& elf, std::uint32_t section,
                                                                  const Btf& btf);

}  // namespace netkit::bpf
