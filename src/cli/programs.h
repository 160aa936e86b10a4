// Programs as bpftool names them: `id 7`, `pinned /sys/fs/bpf/p`, `name classify`, `tag 3b1855...`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "base/result.h"
#include "cli/client.h"
#include "cli/words.h"

namespace netkit::cli {

// The engine's descriptor of the program that the next words name. ENOENT: there is none; EINVAL: several.
[[nodiscard]] Result<int> open_program(Client& client, Words& words);

// Information (bpf.obj_get_info_by_fd) about every program of the engine, by rising id.
[[nodiscard]] Result<std::vector<Json>> all_programs(Client& client);

}  // namespace netkit::cli
