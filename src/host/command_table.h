// The commands that a keeper has started and whose end it reports.
#pragma once

#include <sys/types.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/keeper.h"
#include "host/namespaces.h"

namespace netkit::host {

class CommandTable {
 public:
  // Forks, enters the namespace (enter_namespace) and runs the command with these descriptors as standard
  // input, output and error. It is killed when this process ends. A command that cannot be run ends with
  // status 127 and a line on its standard error.
  [[nodiscard]] Result<Command> start(const NetworkNamespace& space, const std::string& name,
                                      const std::vector<std::string>& arguments,
                                      const std::array<int, 3>& stdio);
  // Reports the children that have ended; call it after SIGCHLD.
  void reap();
  // Ends those still running: SIGTERM, a second later SIGKILL.
  void end_all();

 private:
  std::map<pid_t, Fd> running_;  // where to report
};

}  // namespace netkit::host
