// The keeper's side: serves requests in the forked child until the engine goes.
#pragma once

#include <sys/types.h>

#include "base/fd.h"
#include "host/keeper.h"

namespace netkit::host {

// Never returns to the caller's program: undoes and ends the process. `engine` is the parent, `socket` the
// keeper's end of the pair.
[[noreturn]] void serve_as_keeper(Fd socket, pid_t engine, const KeeperOptions& options);

}  // namespace netkit::host
