// Requests about pins: BPF_OBJ_PIN and BPF_OBJ_GET (kernel/bpf/syscall.c, bpf_obj_pin_user,
// bpf_obj_get_user). Directories, modes, lists and unlinking are those of the tree itself:
// client.system().pins.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "control/client.h"

namespace netkit::control {

// Pins a program, map or link. EINVAL: flags, or the descriptor is closed or none of these; else as
// PinTree::pin.
Result<> pin_object(Client& client, int fd, std::string_view path, std::uint32_t file_flags = 0);

// A new descriptor of what is pinned. bpf::kRdonly or bpf::kWronly restrict a map's; EINVAL: both, other
// flags, or one of them for a link; else as PinTree::get.
Result<int> open_pin(Client& client, std::string_view path, std::uint32_t file_flags = 0);

}  // namespace netkit::control
