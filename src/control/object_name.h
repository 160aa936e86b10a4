// Names of programs and maps as requests give them, and as information shows them (bpf_obj_name_cpy).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace netkit::control {

inline constexpr std::size_t kObjectNameLength = 16;  // BPF_OBJ_NAME_LEN, with the terminating zero

// EINVAL: longer than 15 bytes, or something else than letters, digits, '_' and '.'.
Result<> check_object_name(std::string_view name);

// The first 15 bytes.
[[nodiscard]] std::string short_name(std::string_view name);

}  // namespace netkit::control
