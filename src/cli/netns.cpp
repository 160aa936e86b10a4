// netkit netns: namespaces, in the words of `ip netns`. Commands run in those of a live engine, which its
// keeper knows by name; adding and deleting is the engine's.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/print.h"
#include "host/keeper.h"
#include "host/netns_exec.h"

namespace netkit::cli {
namespace {

Result<std::vector<host::RunningNamespace>> running() {
  return host::running_namespaces(TRY(host::state_directory()));
}

// By its whole name, or by the part behind the topology's name ("pod1" for "two-pods-pod1") where only one
// fits.
Result<host::RunningNamespace> find(std::string_view name) {
  std::vector<host::RunningNamespace> fitting;
  std::string known;
  for (const host::RunningNamespace& space : TRY(running())) {
    if (space.name == name) return space;
    if (space.name.ends_with("-" + std::string(name))) fitting.push_back(space);
    known += (known.empty() ? "" : ", ") + space.name;
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1)
    return fail(EINVAL, "'" + std::string(name) + "' is ambiguous; there are: " + known);
  return fail(ENOENT, "no namespace '" + std::string(name) + "'; " +
                          (known.empty() ? "nothing is running (start one with `netkit run`)"
                                         : "there are: " + known));
}

// Everything behind the name belongs to the command, with or without "--" before it.
Result<> exec(const Options&, Words words) {
  const std::string_view name = TRY(words.value("netns exec"));
  words.take_if("--");
  if (words.empty()) return usage_error("which command? netkit netns exec NAME COMMAND [ARGUMENTS]");
  TRY(host::enter_namespace(TRY(find(name))));
  return host::exec_command({words.rest().begin(), words.rest().end()});
}

Result<> change(const Options& options, const std::string& verb, std::string_view name, Json params) {
  Client client = TRY(Client::connect(options));
  params["name"] = name;
  const auto answer = client.call("netns." + verb, std::move(params));
  if (!answer) return std::unexpected(about("netns " + verb + " " + std::string(name), answer.error()));
  return {};
}

Result<> add(const Options& options, Words words) {
  const std::string_view name = TRY(words.value("netns add"));
  Json params = Json::object();
  if (words.take_if("home")) {
    constexpr std::string_view kHomes[] = {"process", "kernel"};
    params["home"] = TRY(choose(TRY(words.value("home")), kHomes, "home"));
  }
  TRY(words.end());
  return change(options, "add", name, std::move(params));
}

Result<> del(const Options& options, Words words) {
  const std::string_view name = TRY(words.value("netns del"));
  TRY(words.end());
  return change(options, "del", name, Json::object());
}

// Those of the engine, then those that only a keeper knows (of other engines).
// Those in the engine's process, and those in the kernel that a keeper has or uses, under the names by which
// `netns exec` finds them.
Result<> list(const Options& options, Words words) {
  TRY(words.end());
  OrderedJson all = OrderedJson::array();
  if (auto client = Client::connect(options)) {
    for (const Json& netns : TRY(client->call("netns.list", Json::object()))) {
      if (netns["home"] == "process")
        all.push_back({{"name", netns["name"]}, {"id", netns["id"]}, {"home", netns["home"]}});
    }
  } else if (!options.socket.empty()) {
    return std::unexpected(client.error());
  }
  for (const host::RunningNamespace& space : TRY(running()))
    all.push_back({{"name", space.name}, {"home", "kernel"}, {"keeper", space.keeper}});
  if (options.json) {
    print(all, options);
    return {};
  }
  for (const OrderedJson& netns : all) print(netns["name"].get<std::string>() + "\n");
  return {};
}

constexpr Verb kVerbs[] = {
    {"add", add, "netkit netns add NAME [ home { process | kernel } ]"},
    {"del delete", del, "netkit netns del NAME"},
    {"list show ls", list, "netkit netns list"},
    {"exec", exec, "netkit netns exec NAME [ -- ] COMMAND [ ARGUMENTS ]", true},
};

}  // namespace

const Family kNetnsFamily{"netns", "Namespaces, in the words of `ip netns`", kVerbs, "list"};

}  // namespace netkit::cli
