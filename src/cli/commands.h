// Commands with options of their own, by CLI11, one file each. Each adds its command to the program and, when
// it was given, leaves its exit status in `status`.
#pragma once

namespace CLI {
class App;
}

namespace netkit::cli {

void add_run(CLI::App& app, int& status);      // netkit run TOPOLOGY.yaml
void add_cleanup(CLI::App& app, int& status);  // netkit cleanup
void add_traffic(CLI::App& app, int& status);  // netkit traffic (for steps; not shown in the help)

}  // namespace netkit::cli
