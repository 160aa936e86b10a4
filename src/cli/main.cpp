#include <CLI/CLI.hpp>

#include "cli/commands.h"

int main(int argc, char** argv) {
  CLI::App app("netkit in user space: BPF-programmable network devices without the kernel's help", "netkit");
  app.require_subcommand(1);
  app.set_version_flag("--version", "netkit " NETKIT_VERSION);
  int status = 0;
  netkit::cli::add_run(app, status);
  netkit::cli::add_netns(app, status);
  netkit::cli::add_cleanup(app, status);
  netkit::cli::add_traffic(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return status;
}
