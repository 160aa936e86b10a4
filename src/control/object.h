// Requests that are the same for all kinds of objects: ids, handles by id, information (BPF_*_GET_NEXT_ID,
// BPF_*_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_ENABLE_STATS). Programs and links are opened by id with
// open_program and open_link (attach.h).
#pragma once

#include <cstdint>
#include <variant>

#include "base/result.h"
#include "control/attach.h"
#include "control/map.h"
#include "control/program.h"

namespace netkit::control {

// The least id above `start`. EINVAL: start is not below 2^31 - 1; EPERM; ENOENT: there is none.
[[nodiscard]] Result<std::uint32_t> next_program_id(Client& client, std::uint32_t start);
[[nodiscard]] Result<std::uint32_t> next_map_id(Client& client, std::uint32_t start);
[[nodiscard]] Result<std::uint32_t> next_link_id(Client& client, std::uint32_t start);

// A new descriptor of a map; bpf::kRdonly or bpf::kWronly in open_flags restrict it. EINVAL: other or both
// flags; EPERM; ENOENT.
Result<int> open_map(Client& client, std::uint32_t id, std::uint32_t open_flags = 0);

using ObjectInfo = std::variant<ProgramInfo, MapInfo, LinkInfo>;
// EBADFD: not open; EINVAL: neither program, map nor link.
[[nodiscard]] Result<ObjectInfo> object_info(Client& client, int fd);

inline constexpr std::uint32_t kStatsRunTime = 0;  // BPF_STATS_RUN_TIME
// Runs of programs are counted and timed until the descriptor is closed. EPERM; EINVAL: another type.
Result<int> enable_stats(Client& client, std::uint32_t type);

}  // namespace netkit::control
