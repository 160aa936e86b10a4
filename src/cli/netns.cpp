#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "host/keeper.h"
#include "host/netns_exec.h"

namespace netkit::cli {
namespace {

Result<std::vector<host::RunningNamespace>> running() {
  return host::running_namespaces(TRY(host::state_directory()));
}

// By its whole name, or by the part behind the topology's name ("pod1" for "two-pods-pod1") where only one
// fits.
Result<host::RunningNamespace> find(const std::string& name) {
  std::vector<host::RunningNamespace> fitting;
  std::string known;
  for (const host::RunningNamespace& space : TRY(running())) {
    if (space.name == name) return space;
    if (space.name.ends_with("-" + name)) fitting.push_back(space);
    known += (known.empty() ? "" : ", ") + space.name;
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1) return fail(EINVAL, "'" + name + "' is ambiguous; there are: " + known);
  return fail(ENOENT, "no namespace '" + name + "'; " +
                          (known.empty() ? "nothing is running (start one with `netkit run`)"
                                         : "there are: " + known));
}

Result<> run_in(const std::string& name, const std::vector<std::string>& command) {
  if (command.empty()) return fail(EINVAL, "which command? netkit netns exec NAME COMMAND [ARGUMENTS]");
  const host::RunningNamespace space = TRY(find(name));
  TRY(host::enter_namespace(space));
  return host::exec_command(command);
}

void list(bool json, const std::vector<host::RunningNamespace>& spaces) {
  if (json) {
    nlohmann::json out = nlohmann::json::array();
    for (const host::RunningNamespace& space : spaces)
      out.push_back({{"name", space.name}, {"keeper", space.keeper}});
    std::puts(out.dump().c_str());
    return;
  }
  for (const host::RunningNamespace& space : spaces) std::puts(space.name.c_str());
}

}  // namespace

void add_netns(CLI::App& app, int& status) {
  struct Arguments {
    bool json = false;
    std::string name;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* netns = app.add_subcommand("netns", "Namespaces of running topologies");
  netns->require_subcommand(1);

  CLI::App* list_command = netns->add_subcommand("list", "Name them");
  list_command->add_flag("-j,--json", arguments->json, "As JSON");
  list_command->callback([arguments, &status] {
    const auto spaces = running();
    status = spaces ? 0 : report(spaces.error());
    if (spaces) list(arguments->json, *spaces);
  });

  // Everything behind the name belongs to the command, options included, with or without "--" before it.
  CLI::App* exec_command =
      netns->add_subcommand("exec", "Run a command in one: netkit netns exec pod1 ip address");
  exec_command->add_option("name", arguments->name, "The namespace")->required();
  exec_command->prefix_command();
  exec_command->callback([arguments, exec_command, &status] {
    std::vector<std::string> command = exec_command->remaining();
    if (!command.empty() && command.front() == "--") command.erase(command.begin());
    const auto replaced = run_in(arguments->name, command);
    if (!replaced) status = report(replaced.error());
  });
}

}  // namespace netkit::cli
