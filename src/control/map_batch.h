// BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH, BPF_MAP_UPDATE_BATCH and BPF_MAP_DELETE_BATCH.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "control/map.h"

namespace netkit::control {

struct BatchReadRequest {
  int map_fd = 0;
  Buffer cursor{};          // of the answer before; empty: from the start
  std::uint32_t count = 0;  // at most so many entries
  std::uint64_t elem_flags = 0;
  std::uint64_t flags = 0;
};

// Valid as far as it goes also when the answer is ENOENT: these were the last entries.
struct BatchAnswer {
  std::uint32_t count = 0;  // entries that were read, written or deleted
  Buffer keys{};            // one behind the other
  Buffer values{};
  Buffer cursor{};  // where the next request goes on
};

// EINVAL: flags; 524 (ENOTSUPP): the map's type has no such command; ENOENT: the end; EFAULT: the cursor is
// none of this map's.
Result<> lookup_batch(Client& client, const BatchReadRequest& request, BatchAnswer& answer);
// Hash types only.
Result<> lookup_and_delete_batch(Client& client, const BatchReadRequest& request, BatchAnswer& answer);

struct BatchWriteRequest {
  int map_fd = 0;
  std::uint32_t count = 0;
  KeySpan keys{};      // one behind the other
  ValueSpan values{};  // update only
  std::uint64_t elem_flags = 0;
  std::uint64_t flags = 0;
};

// Stop at the first entry that fails, with its errno; `done` says how many went before it.
Result<> update_batch(Client& client, const BatchWriteRequest& request, std::uint32_t& done);
Result<> delete_batch(Client& client, const BatchWriteRequest& request, std::uint32_t& done);

}  // namespace netkit::control
