// Bytes on a Unix socket with descriptors beside them (SCM_RIGHTS).
#pragma once

#include <sys/types.h>

#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace netkit {

inline constexpr std::size_t kMostPassed = 253;  // SCM_MAX_FD

// As send(2): the number of bytes sent, with the first of which the descriptors go, or -1 and errno. At most
// kMostPassed descriptors.
[[nodiscard]] ssize_t send_with(int socket, std::string_view bytes, std::span<const Fd> passed, int flags);

struct Received {
  ssize_t count = -1;        // as recv(2) says it; errno with -1
  std::vector<Fd> passed{};  // close-on-exec
  bool lost = false;         // some descriptors could not be taken: too many files are open
};
[[nodiscard]] Received receive_with(int socket, std::span<char> room, int flags);

}  // namespace netkit
