#include "cli/programs.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/errors.h"

namespace netkit::cli {
namespace {

constexpr std::string_view kWays[] = {"id", "pinned", "name", "tag"};

Result<int> open_by_id(Client& client, std::uint64_t id) {
  const auto opened = client.call("bpf.prog_get_fd_by_id", Json{{"id", id}});
  if (!opened) return std::unexpected(about("program id " + std::to_string(id), opened.error()));
  return (*opened)["fd"].get<int>();
}

Result<int> open_pinned(Client& client, std::string_view path) {
  const auto opened = client.call("bpf.obj_get", Json{{"path", path}});
  if (!opened) return std::unexpected(about(path, opened.error()));
  return (*opened)["fd"].get<int>();
}

// The only program whose `key` is that, the name in full or as far as the kernel keeps it.
Result<int> open_by(Client& client, std::string_view way, std::string_view wanted) {
  std::vector<std::uint64_t> ids;
  for (const Json& program : TRY(all_programs(client))) {
    const bool fits = program.value(std::string(way), "") == wanted ||
                      (way == "name" && program.value("full_name", "") == wanted);
    if (fits) ids.push_back(program.value("id", std::uint64_t{0}));
  }
  const std::string what = "program with " + std::string(way) + " " + quote(wanted);
  if (ids.empty()) return fail(ENOENT, "no " + what + "; `netkit net show` tells what is attached");
  if (ids.size() > 1)
    return fail(EINVAL, std::to_string(ids.size()) + " programs: " + what + "; name one by id");
  return open_by_id(client, ids.front());
}

}  // namespace

Result<int> open_program(Client& client, Words& words) {
  if (words.empty()) return usage_error("which program? Say `id N`, `pinned FILE`, `name NAME` or `tag TAG`");
  const std::string_view way = TRY(choose(words.take(), kWays, "way to name a program"));
  const std::string_view value = TRY(words.value(way));
  if (way == "id") return open_by_id(client, TRY(parse_number(value, way)));
  if (way == "pinned") return open_pinned(client, value);
  return open_by(client, way, value);
}

Result<std::vector<Json>> all_programs(Client& client) {
  std::vector<Json> programs;
  std::uint64_t id = 0;
  while (true) {
    const auto next = client.call("bpf.prog_get_next_id", Json{{"start_id", id}});
    if (!next && next.error().code == ENOENT) return programs;
    if (!next) return std::unexpected(next.error());
    id = (*next)["next_id"].get<std::uint64_t>();
    const auto opened = client.call("bpf.prog_get_fd_by_id", Json{{"id", id}});
    if (!opened && opened.error().code == ENOENT) continue;  // it went meanwhile
    if (!opened) return std::unexpected(opened.error());
    programs.push_back(TRY(client.call("bpf.obj_get_info_by_fd", *opened)));
    TRY(client.call("close", *opened));
  }
}

}  // namespace netkit::cli
