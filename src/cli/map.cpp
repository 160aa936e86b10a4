// netkit map: maps, in the words of `bpftool map`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bpf/run/types.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/map_containers.h"
#include "cli/map_data.h"
#include "cli/objects.h"
#include "cli/pinning.h"
#include "cli/print.h"

namespace netkit::cli {
namespace {

// A map that the words named, and what its entries look like.
struct OpenMap {
  int fd;
  MapShape shape;
};

Result<OpenMap> open_map(Client& client, Words& words) {
  const int fd = TRY(open_object(client, ObjectKind::kMap, words));
  return OpenMap{fd, MapShape(TRY(client.call("bpf.obj_get_info_by_fd", Json{{"fd", fd}})))};
}

// The key that requests take: `key DATA`.
Result<std::string> read_key(Words& words, const OpenMap& map) {
  if (!words.take_if("key")) return usage_error("which entry? Say `key` and its bytes");
  return read_bytes(words, map.shape.key_size(), "key");
}

// What commands that only change something answer in JSON.
void print_done(const Options& options) {
  if (options.json) print(OrderedJson(nullptr), options);
}

// ---- show ----

std::string type_name(const Json& info) {
  const auto type = info["type"].get<std::uint32_t>();
  const std::string_view name = bpf::map_type_name(static_cast<bpf::MapType>(type));
  return name.empty() ? "type " + std::to_string(type) : std::string(name);
}

std::string to_text(const Json& info, const std::vector<std::string>& pinned) {
  const auto number = [&info](const char* key) { return info[key].get<std::uint64_t>(); };
  std::string text = fmt::format("{}: {}  ", number("id"), type_name(info));
  if (const auto name = info["full_name"].get<std::string>(); !name.empty()) text += "name " + name + "  ";
  text += fmt::format("flags {:#x}\n\tkey {}B  value {}B  max_entries {}", number("map_flags"),
                      number("key_size"), number("value_size"), number("max_entries"));
  if (number("memlock") != 0) text += fmt::format("  memlock {}B", number("memlock"));
  if (info["frozen"].get<bool>()) text += "\n\tfrozen";
  for (const std::string& path : pinned) text += "\n\tpinned " + path;
  return text + "\n";
}

OrderedJson to_json(const Json& info, const std::vector<std::string>& pinned) {
  OrderedJson json{{"id", info["id"]}, {"type", type_name(info)}};
  if (!info["full_name"].get<std::string>().empty()) json["name"] = info["full_name"];
  json["flags"] = info["map_flags"];
  json["bytes_key"] = info["key_size"];
  json["bytes_value"] = info["value_size"];
  json["max_entries"] = info["max_entries"];
  if (info["memlock"].get<std::uint64_t>() != 0) json["bytes_memlock"] = info["memlock"];
  json["frozen"] = info["frozen"].get<bool>() ? 1 : 0;
  if (!pinned.empty()) json["pinned"] = pinned;
  return json;
}

Result<> show(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const bool one = !words.empty();
  OrderedJson all = OrderedJson::array();
  std::string text;
  for (const Json& info : TRY(named_objects(client, ObjectKind::kMap, words))) {
    std::vector<std::string> pinned;
    if (options.pins) pinned = TRY(pins_of(client, ObjectKind::kMap, info["id"].get<std::uint64_t>()));
    all.push_back(to_json(info, pinned));
    text += to_text(info, pinned);
  }
  if (options.json) {
    print(one ? all.front() : all, options);
  } else {
    print(text);
  }
  return {};
}

// ---- create ----

Result<> create(const Options& options, Words words) {
  const std::string path = pin_path(TRY(words.value("create")));
  Json params = Json::object();
  struct Field {
    std::string_view word;
    const char* key;
  };
  constexpr Field kNumbers[] = {
      {"key", "key_size"}, {"value", "value_size"}, {"entries", "max_entries"}, {"flags", "map_flags"}};
  constexpr std::string_view kKnown[] = {"type", "key", "value", "entries", "flags", "name", "inner_map"};
  Client client = TRY(Client::connect(options));
  while (!words.empty()) {
    const std::string_view word = TRY(choose(words.take(), kKnown, "word"));
    if (word == "inner_map") {
      params["inner_map_fd"] = TRY(open_object(client, ObjectKind::kMap, words));
      continue;
    }
    const std::string_view value = TRY(words.value(word));
    if (word == "type") params["map_type"] = value;
    if (word == "name") params["map_name"] = value;
    for (const Field& field : kNumbers) {
      if (word == field.word) params[field.key] = TRY(parse_number(value, word));
    }
  }
  if (!params.contains("map_type")) return usage_error("of which type? Say for instance `type hash`");
  const auto created = client.call("bpf.map_create", params);
  if (!created) return std::unexpected(about("map create", created.error()));
  Pinning pinning(client);
  TRY(pinning.pin((*created)["fd"].get<int>(), path));
  pinning.keep();
  print_done(options);
  return {};
}

// ---- entries ----

Result<> dump(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  TRY(words.end());
  const auto entries = client.call("bpf.map_dump", Json{{"map_fd", map.fd}});
  if (!entries) return std::unexpected(about("map dump", entries.error()));
  OrderedJson all = OrderedJson::array();
  std::string text;
  for (const Json& entry : *entries) {
    const auto key = entry["key"].get<std::string>();
    const auto value = entry["value"].get<std::string>();
    if (options.json) {
      all.push_back(map.shape.to_json(key, value));
    } else {
      text += map.shape.to_text(key, value);
    }
  }
  if (options.json) {
    print(all, options);
  } else {
    print(text + fmt::format("Found {} element{}\n", entries->size(), entries->size() == 1 ? "" : "s"));
  }
  return {};
}

Result<> lookup(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  const std::string key = TRY(read_key(words, map));
  TRY(words.end());
  const auto found = client.call("bpf.map_lookup_elem", Json{{"map_fd", map.fd}, {"key", key}});
  if (!found && found.error().code != ENOENT) return std::unexpected(about("map lookup", found.error()));
  if (!found) {
    if (options.json) {
      print_done(options);
    } else {
      print("key:\n" + hex_lines(key) + "\n\nNot found\n");
    }
    return {};
  }
  const auto value = (*found)["value"].get<std::string>();
  if (options.json) {
    print(map.shape.to_json(key, value), options);
  } else {
    print(map.shape.to_text(key, value));
  }
  return {};
}

// The value of a PROG_ARRAY is a program, of a map of maps a map, of a per-CPU map the same bytes for every
// CPU.
Result<std::string> read_value(Client& client, Words& words, const OpenMap& map) {
  constexpr std::string_view kWays[] = {"id", "pinned", "name", "tag"};
  const bool names_object = (map.shape.holds_programs() || map.shape.holds_maps()) && !words.empty() &&
                            std::ranges::find(kWays, words.peek()) != std::end(kWays);
  if (!names_object) return read_bytes(words, map.shape.value_size(), "value");
  const auto fd =
      static_cast<std::uint32_t>(map.shape.holds_maps() ? TRY(open_object(client, ObjectKind::kMap, words))
                                                        : TRY(open_program(client, words)));
  std::string digits;
  for (unsigned shift = 0; shift < 32; shift += 8) digits += fmt::format("{:02x}", (fd >> shift) & 0xff);
  return digits;
}

// As user space writes it: padded, and once for each CPU of the map.
Result<std::string> spread(Client& client, const OpenMap& map, std::string value) {
  if (!map.shape.per_cpu()) return value;
  constexpr std::size_t kStride = 16;  // digits of eight bytes
  value.resize((value.size() + kStride - 1) / kStride * kStride, '0');
  const auto cpus = client.engine()["possible_cpus"].get<std::size_t>();
  std::string all;
  for (std::size_t cpu = 0; cpu < cpus; ++cpu) all += value;
  return all;
}

Result<> update(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  const std::string key = TRY(read_key(words, map));
  if (!words.take_if("value")) return usage_error("what value? Say `value` and its bytes");
  const std::string value = TRY(spread(client, map, TRY(read_value(client, words, map))));
  Json params{{"map_fd", map.fd}, {"key", key}, {"value", value}};
  if (!words.empty()) {
    constexpr std::string_view kFlags[] = {"any", "exist", "noexist"};
    params["flags"] = TRY(choose(words.take(), kFlags, "flag"));
  }
  TRY(words.end());
  const auto updated = client.call("bpf.map_update_elem", params);
  if (!updated) return std::unexpected(about("map update", updated.error()));
  print_done(options);
  return {};
}

Result<> next_key(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  const std::string key = words.empty() ? std::string() : TRY(read_key(words, map));
  TRY(words.end());
  const auto next = client.call("bpf.map_get_next_key", Json{{"map_fd", map.fd}, {"key", key}});
  if (!next) return std::unexpected(about("map getnext", next.error()));
  const auto found = (*next)["next_key"].get<std::string>();
  if (options.json) {
    OrderedJson json;
    json["key"] = key.empty() ? OrderedJson(nullptr) : hex_list(key);
    json["next_key"] = hex_list(found);
    print(json, options);
  } else {
    print((key.empty() ? "key: None\n" : "key:\n" + hex_lines(key) + "\n") + "next key:\n" +
          hex_lines(found) + "\n");
  }
  return {};
}

Result<> remove(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  const std::string key = TRY(read_key(words, map));
  TRY(words.end());
  const auto removed = client.call("bpf.map_delete_elem", Json{{"map_fd", map.fd}, {"key", key}});
  if (!removed) return std::unexpected(about("map delete", removed.error()));
  print_done(options);
  return {};
}

Result<> freeze(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const OpenMap map = TRY(open_map(client, words));
  TRY(words.end());
  const auto frozen = client.call("bpf.map_freeze", Json{{"map_fd", map.fd}});
  if (!frozen) return std::unexpected(about("map freeze", frozen.error()));
  print_done(options);
  return {};
}

Result<> pin(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  return pin_named(client, ObjectKind::kMap, words);
}

constexpr Verb kVerbs[] = {
    {"show list", show, R"(netkit map show [ MAP ]
         MAP := id N | pinned FILE | name NAME)"},
    {"create", create,
     "netkit map create FILE type TYPE key BYTES value BYTES entries N [ name NAME ] [ flags N ] "
     "[ inner_map MAP ]"},
    {"dump", dump, "netkit map dump MAP"},
    {"lookup", lookup, R"(netkit map lookup MAP key DATA
         DATA := [ hex ] BYTES)"},
    {"update", update,
     R"(netkit map update MAP key DATA value { DATA | PROG | MAP } [ any | exist | noexist ])"},
    {"getnext", next_key, "netkit map getnext MAP [ key DATA ]"},
    {"delete del", remove, "netkit map delete MAP key DATA"},
    {"peek", peek_map, "netkit map peek MAP"},
    {"push enqueue", push_to_map, "netkit map push MAP value DATA"},
    {"pop dequeue", pop_from_map, "netkit map pop MAP"},
    {"event_pipe", pipe_events, "netkit map event_pipe MAP"},
    {"freeze", freeze, "netkit map freeze MAP"},
    {"pin", pin, "netkit map pin MAP FILE"},
};

}  // namespace

const Family kMapFamily{"map", "Maps, in the words of `bpftool map`", kVerbs, "show"};

}  // namespace netkit::cli
