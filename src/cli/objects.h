// Programs, maps and links as bpftool names them: `id 7`, `pinned /sys/fs/bpf/p`, `name classify`,
// `tag 3b1855...`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/client.h"
#include "cli/words.h"

namespace netkit::cli {

enum class ObjectKind : std::uint8_t { kProgram, kMap, kLink };

// The engine's descriptor of the object that the next words name. ENOENT: there is none; EINVAL: several, or
// what is pinned there is of another kind.
[[nodiscard]] Result<int> open_object(Client& client, ObjectKind kind, Words& words);
[[nodiscard]] inline Result<int> open_program(Client& client, Words& words) {
  return open_object(client, ObjectKind::kProgram, words);
}

// Information (bpf.obj_get_info_by_fd) about every object of a kind, by rising id.
[[nodiscard]] Result<std::vector<Json>> all_objects(Client& client, ObjectKind kind);
[[nodiscard]] Result<std::vector<Json>> all_programs(Client& client);

// Information about the one that the words name, or about all when there are no words.
[[nodiscard]] Result<std::vector<Json>> named_objects(Client& client, ObjectKind kind, Words words);

// The paths at which an object is pinned.
[[nodiscard]] Result<std::vector<std::string>> pins_of(Client& client, ObjectKind kind, std::uint64_t id);

// A path in the tree of pins: one that does not begin with / is taken below /sys/fs/bpf.
[[nodiscard]] std::string pin_path(std::string_view path);

// PROG FILE, MAP FILE, LINK FILE: pins the object.
[[nodiscard]] Result<> pin_named(Client& client, ObjectKind kind, Words words);

}  // namespace netkit::cli
