// netkit prog: programs, in the words of `bpftool prog`.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/pinning.h"
#include "cli/print.h"
#include "cli/prog/arguments.h"
#include "cli/prog/check.h"
#include "cli/prog/run.h"
#include "control/rpc/words.h"

namespace netkit::cli {
namespace {

// ---- show ----

constexpr std::uint64_t kNanoseconds = 1'000'000'000;

// Seconds since 1970 of a time that the engine told on CLOCK_BOOTTIME.
std::time_t wall_time(std::uint64_t boot_nanoseconds) {
  timespec wall{};
  timespec boot{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  ::clock_gettime(CLOCK_BOOTTIME, &boot);
  return wall.tv_sec - boot.tv_sec + static_cast<std::time_t>(boot_nanoseconds / kNanoseconds);
}

std::uint64_t number(const Json& info, const char* key) {
  return info[key].get<std::uint64_t>();
}

std::string type_name(const Json& info) {
  const auto type = info["type"].get<std::uint32_t>();
  const std::string_view name = rpc::name_of(rpc::kProgramTypes, type);
  return name.empty() ? std::to_string(type) : std::string(name);
}

std::string to_text(const Json& info, const std::vector<std::string>& pinned) {
  std::string text = fmt::format("{}: {}  name {}  tag {}  ", number(info, "id"), type_name(info),
                                 info["full_name"].get<std::string>(), info["tag"].get<std::string>());
  if (info["gpl_compatible"].get<bool>()) text += "gpl";
  if (number(info, "run_time_ns") != 0)
    text += fmt::format(" run_time_ns {} run_cnt {}", number(info, "run_time_ns"), number(info, "run_cnt"));
  text += fmt::format("\n\tloaded_at {:%FT%T%z}  uid {}",
                      fmt::localtime(wall_time(number(info, "load_time"))), number(info, "created_by_uid"));
  text += fmt::format("\n\txlated {}B  not jited", number(info, "xlated_prog_len"));
  if (const auto memlock = number(info, "memlock"); memlock != 0)
    text += fmt::format("  memlock {}B", memlock);
  const auto maps = info["map_ids"].get<std::vector<std::uint32_t>>();
  if (!maps.empty()) text += fmt::format("  map_ids {}", fmt::join(maps, ","));
  for (const std::string& path : pinned) text += "\n\tpinned " + path;
  return text + "\n";
}

OrderedJson to_json(const Json& info, const std::vector<std::string>& pinned) {
  OrderedJson json{{"id", info["id"]},
                   {"type", type_name(info)},
                   {"name", info["full_name"]},
                   {"tag", info["tag"]},
                   {"gpl_compatible", info["gpl_compatible"]}};
  if (number(info, "run_time_ns") != 0) {
    json["run_time_ns"] = info["run_time_ns"];
    json["run_cnt"] = info["run_cnt"];
  }
  json["loaded_at"] = wall_time(number(info, "load_time"));
  json["uid"] = info["created_by_uid"];
  json["bytes_xlated"] = info["xlated_prog_len"];
  json["jited"] = false;
  if (number(info, "memlock") != 0) json["bytes_memlock"] = info["memlock"];
  if (!info["map_ids"].empty()) json["map_ids"] = info["map_ids"];
  if (!pinned.empty()) json["pinned"] = pinned;
  return json;
}

Result<> show(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const bool one = !words.empty();
  OrderedJson all = OrderedJson::array();
  std::string text;
  for (const Json& info : TRY(named_objects(client, ObjectKind::kProgram, words))) {
    std::vector<std::string> pinned;
    if (options.pins) pinned = TRY(pins_of(client, ObjectKind::kProgram, number(info, "id")));
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

// ---- load ----

struct LoadRequest {
  std::string file;
  std::string path;  // where the program, or each of them, is pinned
  std::string maps;  // directory where maps are pinned; empty: they are not
  Json reuse = Json::object();
};

Result<LoadRequest> read_load(Client& client, Words words) {
  LoadRequest request;
  request.file = TRY(words.value("load"));
  if (words.empty())
    return usage_error("where to? A program lives while somebody holds it: say the FILE to pin it at");
  request.path = pin_path(words.take());
  while (!words.empty()) {
    constexpr std::string_view kKnown[] = {"pinmaps", "map"};
    const std::string_view word = TRY(choose(words.take(), kKnown, "word"));
    if (word == "pinmaps") {
      request.maps = pin_path(TRY(words.value(word)));
      continue;
    }
    if (!words.take_if("name")) return usage_error("which map of the object? Say `map name NAME MAP`");
    const std::string name(TRY(words.value("name")));
    request.reuse[name] = TRY(open_object(client, ObjectKind::kMap, words));
  }
  return request;
}

// Where maps are pinned that ask for it by name, as with libbpf.
constexpr std::string_view kPinRoot = "/sys/fs/bpf";

Result<Json> load_object(Client& client, const LoadRequest& request) {
  Fd file(::open(request.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(request.file);
  Arguments arguments(Json{{"name", request.file}, {"reuse", request.reuse}, {"pin_root_path", kPinRoot}});
  arguments.params()["object"] = arguments.pass(std::move(file));
  const auto loaded = client.call("bpf.load_object", arguments);
  if (!loaded) return std::unexpected(loaded.error());
  if ((*loaded)["programs"].empty())
    return fail(ENOENT, request.file + ": no tc, tcx or netkit program in it");
  return *loaded;
}

// The name under which libbpf pins a map: bpffs takes no '.'.
std::string pin_name(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

Result<> load(const Options& options, Words words, bool all) {
  Client client = TRY(Client::connect(options));
  const LoadRequest request = TRY(read_load(client, words));
  const Json loaded = TRY(load_object(client, request));
  Pinning pinning(client);
  if (all) TRY(pinning.make_directory(request.path));
  for (const Json& program : loaded["programs"]) {
    const std::string path = all ? request.path + "/" + pin_name(program["name"]) : request.path;
    TRY(pinning.pin(program["fd"].get<int>(), path));
    if (!all) break;
  }
  if (!request.maps.empty()) {
    TRY(pinning.make_directory(request.maps));
    for (const Json& map : loaded["maps"])
      TRY(pinning.pin(map["fd"].get<int>(), request.maps + "/" + pin_name(map["name"])));
  }
  pinning.keep();
  if (options.json) print(OrderedJson(nullptr), options);
  return {};
}

Result<> load_first(const Options& options, Words words) {
  if (words.rest().size() == 1 ||
      (words.rest().size() > 1 && (words.rest()[1] == "--prog" || words.rest()[1] == "--btf")))
    return check_object(options, words);
  return load(options, words, false);
}

Result<> load_all(const Options& options, Words words) {
  return load(options, words, true);
}

// ---- dump ----

// How PROG begins; any other word is an object file.
constexpr std::array<std::string_view, 4> kProgramWords = {"id", "pinned", "name", "tag"};

struct DumpRequest {
  std::vector<std::string_view> named{};  // PROG
  std::string file{};                     // or an object
  std::string program{};                  // and which of its programs; empty: the only one
  control::DumpStyle style{};
};

Result<> read_style(Words& words, control::DumpStyle& style) {
  constexpr std::string_view kKnown[] = {"opcodes", "linum"};
  if (TRY(choose(words.take(), kKnown, "word")) == "opcodes") {
    style.opcodes = true;
  } else {
    style.linum = true;
  }
  return {};
}

Result<DumpRequest> read_dump(Words words) {
  DumpRequest request;
  const std::string_view keyword = words.take();
  request.named = {keyword, TRY(words.value(keyword))};
  while (!words.empty()) TRY(read_style(words, request.style));
  return request;
}

Result<DumpRequest> read_object_dump(Words words) {
  DumpRequest request;
  request.file = TRY(words.value("xlated"));
  while (!words.empty()) {
    if (words.take_if("--prog")) {
      request.program = TRY(words.value("--prog"));
    } else {
      TRY(read_style(words, request.style));
    }
  }
  return request;
}

Result<Json> dump_loaded(const Options& options, const DumpRequest& request) {
  Client client = TRY(Client::connect(options));
  Words named(request.named);
  auto dumped = client.call("bpf.prog_dump_xlated", Json{{"prog_fd", TRY(open_program(client, named))},
                                                         {"opcodes", request.style.opcodes},
                                                         {"linum", request.style.linum}});
  if (!dumped) return std::unexpected(about("prog dump xlated", std::move(dumped).error()));
  return dumped;
}

Result<> dump(const Options& options, Words words) {
  constexpr std::string_view kForms[] = {"xlated", "jited"};
  if (TRY(choose(TRY(words.value("dump")), kForms, "form")) == "jited")
    return fail(EOPNOTSUPP, "programs are interpreted: there is no compiled form", "say `dump xlated`");
  const bool loaded = !words.empty() && std::ranges::find(kProgramWords, words.peek()) != kProgramWords.end();
  const DumpRequest request = TRY(loaded ? read_dump(words) : read_object_dump(words));
  const Json dumped =
      TRY(loaded ? dump_loaded(options, request) : dump_object(request.file, request.program, request.style));
  if (!options.json) {
    print(dumped["text"].get<std::string>());
    return {};
  }
  OrderedJson all = OrderedJson::array();
  for (const Json& insn : dumped["insns"]) {
    OrderedJson one;
    if (insn.contains("proto")) one["proto"] = insn["proto"];
    if (insn.contains("src")) one["src"] = insn["src"];
    one["disasm"] = insn["disasm"];
    if (request.style.opcodes) one["opcodes"] = insn["opcodes"];
    all.push_back(std::move(one));
  }
  print(all, options);
  return {};
}

Result<> pin(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  return pin_named(client, ObjectKind::kProgram, words);
}

// ---- tracelog ----

// Until the engine ends, or the user has enough.
Result<> tracelog(const Options& options, Words words) {
  TRY(words.end());
  Client client = TRY(Client::connect(options));
  if (auto begun = client.call("subscribe", Json{{"trace", true}}); !begun)
    return std::unexpected(about("prog tracelog", std::move(begun).error()));
  while (true) {
    const auto news = client.next_notification();
    if (!news && news.error().code == ENOLINK) return {};
    if (!news) return std::unexpected(news.error());
    const Json& params = (*news)["params"];
    const bool overrun = (*news)["method"] == "overrun";
    const std::string line = overrun ? fmt::format("LOST {} EVENTS", params["lost"].get<std::uint64_t>())
                                     : params["line"].get<std::string>();
    if (options.json) {
      print(OrderedJson(line), options);
    } else {
      print(line + "\n");
    }
    std::fflush(stdout);
  }
}

constexpr Verb kVerbs[] = {
    {"show list", show, R"(netkit prog show [ PROG ]
         PROG := id N | pinned FILE | name NAME | tag TAG)"},
    {"dump", dump, "netkit prog dump xlated { PROG | OBJECT [ --prog NAME ] } [ opcodes ] [ linum ]"},
    {"load", load_first,
     R"(netkit prog { load | loadall } OBJECT FILE [ map name NAME MAP ] [ pinmaps DIRECTORY ]
         load pins the first program at FILE, loadall every one in that directory
         maps that ask to be pinned by name are taken from /sys/fs/bpf, or pinned there
       netkit prog load OBJECT [ --prog NAME ]... [ --btf kernel|FILE ]
         checks the object alone: no engine, nothing is kept)"},
    {"loadall", load_all, ""},
    {"pin", pin, "netkit prog pin PROG FILE"},
    {"run", run_programs, kRunUsage},
    {"tracelog", tracelog, "netkit prog tracelog"},
};

}  // namespace

const Family kProgFamily{"prog", "Programs, in the words of `bpftool prog`", kVerbs, "show"};

}  // namespace netkit::cli
