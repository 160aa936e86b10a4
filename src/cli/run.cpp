#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "runner/run.h"

namespace netkit::cli {

void add_run(CLI::App& app, int& status) {
  struct Arguments {
    runner::RunOptions options;
    double seconds = 0;
    std::string require;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* run =
      app.add_subcommand("run", "Bring a topology up, play its steps, tell what came of it, remove it");
  run->add_option("topology", arguments->options.topology, "YAML file (docs/topology.md)")->required();
  const CLI::Option* duration =
      run->add_option("--for", arguments->seconds, "Stay up for so many seconds after the steps")
          ->check(CLI::NonNegativeNumber);
  run->add_option("--require", arguments->require, "Refuse to run otherwise: live or in-process")
      ->check(CLI::IsMember({"live", "in-process"}));
  run->add_flag("-j,--json", arguments->options.json, "The summary as JSON");
  run->add_flag("--trace", arguments->options.trace, "Lines of bpf_printk on standard error");
  run->add_option("command", arguments->options.command,
                  "Command to run in the host namespace after the steps (behind --); its end ends the run");
  run->callback([arguments, duration, &status] {
    runner::RunOptions& options = arguments->options;
    if (duration->count() > 0) {
      options.duration = std::chrono::milliseconds(static_cast<std::int64_t>(arguments->seconds * 1000));
    }
    if (arguments->require == "live") options.require = runner::Require::kLive;
    if (arguments->require == "in-process") options.require = runner::Require::kInProcess;
    const auto ran = runner::run_topology(options);
    status = ran ? *ran : report(ran.error());
  });
}

}  // namespace netkit::cli
