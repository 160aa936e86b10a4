// Who is at the other end of a connection.
#pragma once

#include "base/result.h"
#include "control/rpc/session.h"

namespace netkit::daemon {

// Credentials as the kernel noted them at connect(2), and the network namespace in which that process lives
// now; without one where it cannot be known for certain (the process has gone, or may not be looked at).
[[nodiscard]] Result<rpc::Caller> identify_peer(int socket, const rpc::Service& service);

}  // namespace netkit::daemon
