// Opening a TAP: the part that needs privilege and /dev/net/tun.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/namespaces.h"

namespace netkit::host {

inline constexpr std::uint32_t kMaxTapQueues = 128;

// A new TAP with a vnet header in the calling thread's network namespace, without carrier: one descriptor per
// queue. It goes with its last descriptor. The descriptors keep the namespace in which they were opened
// alive, so open them in one of our own and move the interface. ENODEV, EACCES: there is no /dev/net/tun, or
// not for us.
[[nodiscard]] Result<std::vector<Fd>> open_tap(const std::string& name, std::uint32_t queues);

// Where the interface behind a queue is and what it is called there. EBADFD: it has gone. EOPNOTSUPP: kernels
// before 5.2.
struct TapPlace {
  NetworkNamespace space;
  std::string name;
};
[[nodiscard]] Result<TapPlace> find_tap(int queue);

}  // namespace netkit::host
