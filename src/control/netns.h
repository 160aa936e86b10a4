// Requests about namespaces: what `ip netns add`, `del` and `list` do. The kernel has no such requests (they
// are unshare(2) and mount(2)); errno values are those of iproute2's calls.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/client.h"

namespace netkit::control {

enum class Home : std::uint8_t { kProcess, kKernel };

// A new namespace with its lo, down: in this process, or in the kernel under /run/netns with everything that
// is made in it. EPERM; EINVAL: no name for a file; EEXIST; EOPNOTSUPP: this engine has no kernel part.
Result<device::NamespaceRef> add_namespace(Client& client, std::string_view name, Home home = Home::kProcess);
// Deletes it with everything in it, the other ends of its pairs elsewhere included. EPERM: without
// capability, or a kernel namespace that was not made here; EBUSY: the client's own.
Result<> remove_namespace(Client& client, const device::NamespaceRef& netns);
// Those that the engine knows, in the order in which it came to know them.
[[nodiscard]] std::vector<device::NamespaceRef> list_namespaces(Client& client);

}  // namespace netkit::control
