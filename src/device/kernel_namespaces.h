// Kernel network namespaces as the engine knows them: each has a mirrored Namespace, made when it is first
// asked for. Implemented where the operating system is reached; an engine that lives in its process only has
// none.
#pragma once

#include <sys/types.h>

#include <string_view>

#include "base/result.h"
#include "device/network.h"

namespace netkit::device {

// Not to be called while the configuration lock is held: each call waits for the kernel.
class KernelNamespaces {
 public:
  virtual ~KernelNamespaces() = default;
  // The mirror of the namespace that a descriptor of nsfs refers to; the descriptor may be closed afterwards.
  // EINVAL: it is no network namespace.
  virtual Result<NamespaceRef> of_descriptor(int descriptor) = 0;
  // The namespace in which the process lives at this moment. ESRCH.
  virtual Result<NamespaceRef> of_process(pid_t process) = 0;
  // That of the engine itself.
  virtual Result<NamespaceRef> own() = 0;
  // A new one under /run/netns, as `ip netns add` makes it. EEXIST.
  virtual Result<NamespaceRef> make(std::string_view name) = 0;
  // Removes one that make() made, with everything in it. EPERM: it was not made here.
  virtual Result<> remove(Namespace& netns) = 0;
};

}  // namespace netkit::device
