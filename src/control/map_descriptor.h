// How requests get at the map behind a descriptor.
#pragma once

#include "base/result.h"
#include "control/client.h"
#include "control/map.h"

namespace netkit::control {

inline constexpr MapAccess kToRead{.read = true, .write = false};
inline constexpr MapAccess kToWrite{.read = false, .write = true};
inline constexpr MapAccess kToReadAndWrite{.read = true, .write = true};

// EBADF: not open; EINVAL: not a map; EPERM: the descriptor does not allow what is needed, or the map is
// frozen (map_get_sys_perms).
[[nodiscard]] Result<bpf::MapRef> map_for(const Client& client, int fd, MapAccess needed);

// What a map is to hold for a value that user space writes: ids in place of descriptors.
[[nodiscard]] Result<Buffer> stored_value(const Client& client, const bpf::Map& map, KeySpan key,
                                          ValueSpan value, std::uint64_t flags);

}  // namespace netkit::control
