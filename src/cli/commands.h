// The words of the command line, one file per family. Each adds its command to the program and, when it was
// given, leaves its exit status in `status`. Errors end the command: one line, exit status 1.
#pragma once

#include <string_view>

#include "base/result.h"

namespace CLI {
class App;
}

namespace netkit::cli {

void add_run(CLI::App& app, int& status);      // netkit run TOPOLOGY.yaml
void add_netns(CLI::App& app, int& status);    // netkit netns list | exec
void add_cleanup(CLI::App& app, int& status);  // netkit cleanup
void add_traffic(CLI::App& app, int& status);  // netkit traffic (for steps; not shown in the help)

// Prints the error as one line and yields the exit status for it.
[[nodiscard]] int report(const Error& error);

}  // namespace netkit::cli
