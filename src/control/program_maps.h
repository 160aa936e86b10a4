// The maps that raw instructions name by descriptor (kernel/bpf/verifier.c, resolve_pseudo_ldimm64).
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "bpf/object/image.h"
#include "control/client.h"

namespace netkit::control {

// Puts the maps into image.maps, in the order in which the instructions name them, and their places there
// into the instructions. The first `bound` of `fd_array` come before them. EBADF: not open; EINVAL: not a
// map, or reserved fields; EPROTO: a place in an fd_array that was not given; EFAULT: one beyond its end;
// E2BIG: more than 64 maps.
Result<> resolve_maps(const Client& client, std::span<const int> fd_array, std::uint32_t bound,
                      bpf::ProgramImage& image);

}  // namespace netkit::control
