// Memory that clients map: the values of arrays (BPF_F_MMAPABLE), ring buffers and perf rings, in the
// kernel's layout; other maps to look at.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"
#include "control/client.h"

namespace netkit::control {

// What mmap(2) takes, and what poll(2) does. Of a ring buffer `size` bytes are the consumer's page, the
// producer's page and the data, of which the last are to be mapped twice; of other maps all of the region.
struct MapRegion {
  Fd file{};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool writable = false;  // else the file is open for reading only
  Fd wakeup{};            // an eventfd, of rings only
};

// `fd` is a map's or a perf ring's. Arrays and rings may be mapped `writable` (rings always are); EPERM: the
// descriptor does not allow it, or the map is frozen; 524 (ENOTSUPP): an array without MMAPABLE, or another
// type, for writing. EBADF, EINVAL as for maps.
[[nodiscard]] Result<MapRegion> open_region(Client& client, int fd, bool writable);

}  // namespace netkit::control
