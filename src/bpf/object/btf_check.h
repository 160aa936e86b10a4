// The consistency of raw BTF (include/uapi/linux/btf.h), checked before any other code walks it.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"

namespace netkit::bpf {

// After this, libbpf's btf__* can be used without further care: header and both parts lie in the data; every
// record has a known kind and is complete; every name is a string of the string part without control
// characters; every reference is a type of this BTF; no type contains itself (typedefs, arrays, members), so
// walks through types end. EINVAL otherwise.
[[nodiscard]] Result<> check_btf(std::span<const std::byte> btf);

}  // namespace netkit::bpf
