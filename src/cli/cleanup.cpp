#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/commands.h"
#include "cli/errors.h"
#include "host/keeper.h"

namespace netkit::cli {

void add_cleanup(CLI::App& app, int& status) {
  CLI::App* cleanup = app.add_subcommand("cleanup", "Remove what a run that was killed has left behind");
  cleanup->callback([&status] {
    const auto directory = host::state_directory();
    const auto undone = directory ? host::undo_stale_journals(*directory)
                                  : Result<std::vector<std::string>>(std::unexpected(directory.error()));
    if (!undone) {
      status = report(undone.error());
      return;
    }
    for (const std::string& line : *undone) std::puts(line.c_str());
  });
}

}  // namespace netkit::cli
