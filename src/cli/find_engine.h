// Which engine a command is for.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "cli/command.h"

namespace netkit::cli {

// A connection to the socket that the options or NETKIT_SOCKET name, to the daemon's, or to that of the only
// running `netkit run`.
[[nodiscard]] Result<Fd> connect_to_engine(const Options& options);

}  // namespace netkit::cli
