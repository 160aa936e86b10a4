#include "cli/objects.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/errors.h"

namespace netkit::cli {
namespace {

// How the requests and the messages about a kind are called.
struct Terms {
  std::string_view method;  // "bpf.<method>_get_next_id"
  std::string_view noun;
  std::string_view ways;  // by which it can be named
};
constexpr Terms kTerms[] = {{"prog", "program", "id pinned name tag"},
                            {"map", "map", "id pinned name"},
                            {"link", "link", "id pinned"}};

const Terms& terms_of(ObjectKind kind) {
  return kTerms[static_cast<std::size_t>(kind)];
}

// The command that shows what there is.
std::string lister(ObjectKind kind) {
  constexpr std::string_view kCommands[] = {"prog", "map", "bpf-link"};
  return "`netkit " + std::string(kCommands[static_cast<std::size_t>(kind)]) + " show` lists them";
}

Result<Json> call(Client& client, ObjectKind kind, std::string_view command, Json params) {
  return client.call("bpf." + std::string(terms_of(kind).method) + std::string(command), std::move(params));
}

Result<int> open_by_id(Client& client, ObjectKind kind, std::uint64_t id) {
  const auto opened = call(client, kind, "_get_fd_by_id", Json{{"id", id}});
  if (opened) return (*opened)["fd"].get<int>();
  Error error = about(std::string(terms_of(kind).noun) + " id " + std::to_string(id), opened.error());
  error.details = lister(kind);
  return std::unexpected(std::move(error));
}

Result<int> open_pinned(Client& client, ObjectKind kind, std::string_view given) {
  const std::string path = pin_path(given);
  const auto opened = client.call("bpf.obj_get", Json{{"path", path}});
  if (!opened) return std::unexpected(opened.error());
  const Json info = TRY(client.call("bpf.obj_get_info_by_fd", *opened));
  if (info.value("object", "") == terms_of(kind).method) return (*opened)["fd"].get<int>();
  return fail(EINVAL, path + " is no " + std::string(terms_of(kind).noun));
}

// The only one whose `key` is that, the name in full or as far as the kernel keeps it.
Result<int> open_by(Client& client, ObjectKind kind, std::string_view way, std::string_view wanted) {
  std::vector<std::uint64_t> ids;
  for (const Json& object : TRY(all_objects(client, kind))) {
    const bool fits = object.value(std::string(way), "") == wanted ||
                      (way == "name" && object.value("full_name", "") == wanted);
    if (fits) ids.push_back(object.value("id", std::uint64_t{0}));
  }
  const Terms& terms = terms_of(kind);
  const std::string what = std::string(terms.noun) + " with " + std::string(way) + " " + quote(wanted);
  if (ids.empty()) return fail(ENOENT, "no " + what, lister(kind));
  if (ids.size() > 1) return fail(EINVAL, std::to_string(ids.size()) + " of them: " + what, "name one by id");
  return open_by_id(client, kind, ids.front());
}

}  // namespace

Result<int> open_object(Client& client, ObjectKind kind, Words& words) {
  const Terms& terms = terms_of(kind);
  const auto ways = split_words(terms.ways);
  if (words.empty())
    return usage_error("which " + std::string(terms.noun) +
                       "? Name it by one of: " + std::string(terms.ways));
  const std::string_view way = TRY(choose(words.take(), ways, "way to name a " + std::string(terms.noun)));
  const std::string_view value = TRY(words.value(way));
  if (way == "id") return open_by_id(client, kind, TRY(parse_number(value, way)));
  if (way == "pinned") return open_pinned(client, kind, value);
  return open_by(client, kind, way, value);
}

Result<std::vector<Json>> all_objects(Client& client, ObjectKind kind) {
  std::vector<Json> objects;
  std::uint64_t id = 0;
  while (true) {
    const auto next = call(client, kind, "_get_next_id", Json{{"start_id", id}});
    if (!next && next.error().code == ENOENT) return objects;
    if (!next) return std::unexpected(next.error());
    id = (*next)["next_id"].get<std::uint64_t>();
    const auto opened = call(client, kind, "_get_fd_by_id", Json{{"id", id}});
    if (!opened && opened.error().code == ENOENT) continue;  // it went meanwhile
    if (!opened) return std::unexpected(opened.error());
    objects.push_back(TRY(client.call("bpf.obj_get_info_by_fd", *opened)));
    TRY(client.call("close", *opened));
  }
}

Result<std::vector<Json>> all_programs(Client& client) {
  return all_objects(client, ObjectKind::kProgram);
}

Result<std::vector<Json>> named_objects(Client& client, ObjectKind kind, Words words) {
  if (words.empty()) return all_objects(client, kind);
  const int fd = TRY(open_object(client, kind, words));
  TRY(words.end());
  return std::vector<Json>{TRY(client.call("bpf.obj_get_info_by_fd", Json{{"fd", fd}}))};
}

Result<std::vector<std::string>> pins_of(Client& client, ObjectKind kind, std::uint64_t id) {
  const Json paths = TRY(client.call("pin.paths", Json{{"object", terms_of(kind).method}, {"id", id}}));
  return paths.get<std::vector<std::string>>();
}

std::string pin_path(std::string_view path) {
  return path.starts_with("/") ? std::string(path) : "/sys/fs/bpf/" + std::string(path);
}

Result<> pin_named(Client& client, ObjectKind kind, Words words) {
  const int fd = TRY(open_object(client, kind, words));
  const std::string path = pin_path(TRY(words.value("pin")));
  TRY(words.end());
  const auto pinned = client.call("bpf.obj_pin", Json{{"fd", fd}, {"path", path}});
  if (!pinned) return std::unexpected(pinned.error());
  return {};
}

}  // namespace netkit::cli
