// The members of map values that only helpers may touch, found in BTF.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/object/btf.h"

namespace netkit::bpf {

// Those of one value of this type, structs inside it looked through (btf_parse_fields), added to `fields`
// with `offset` before them. E2BIG: two of a kind; EINVAL: one that is not aligned.
[[nodiscard]] Result<> find_value_fields(const Btf& btf, std::uint32_t type_id, std::uint32_t offset,
                                         std::vector<SpecialField>& fields);

}  // namespace netkit::bpf
