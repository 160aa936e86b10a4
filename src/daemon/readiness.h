// The service manager's readiness protocol, sd_notify(3), without its library.
#pragma once

#include <string_view>

namespace netkit::daemon {

// Sends a state like "READY=1" to the socket that NOTIFY_SOCKET names; does nothing where it is not set.
void notify_manager(std::string_view state);

}  // namespace netkit::daemon
