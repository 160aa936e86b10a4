// How a run may use the machine: as root, as an ordinary user inside namespaces of its own, or not at all.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace netkit::host {

enum class RunMode { kLiveRoot, kLiveUserns, kInProcess };

struct Access {
  RunMode mode = RunMode::kInProcess;
  std::string reason;  // kInProcess: why, e.g. "/dev/net/tun is closed to this user (mode 0600)"
};

// Finds out what this process may do by trying it in a child: leaves nothing behind.
[[nodiscard]] Access probe_access();

// For kLiveUserns: enters a user, mount and network namespace of our own, in which this user is root, with a
// fresh /run for /run/netns. To be called before any thread exists. The other modes change nothing.
[[nodiscard]] Result<> enter(RunMode mode);

// Where journals, locks and sockets live: /run/netkit for root, $XDG_RUNTIME_DIR/netkit for others,
// /tmp/netkit-UID where that is not set; made if needed (0700 for users). The same before and after enter(),
// and visible from outside. EPERM: it belongs to somebody else.
[[nodiscard]] Result<std::filesystem::path> state_directory();

// "live (root)", "live (unprivileged user namespace)", "in-process (REASON)".
[[nodiscard]] std::string describe(const Access& access);

// Gives up every capability, for good (no_new_privs). Before any thread exists: it holds for the calling
// thread and those it starts.
[[nodiscard]] Result<> drop_privileges();

}  // namespace netkit::host
