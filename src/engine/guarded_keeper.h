// The keeper's handle, shared by the threads of an engine.
#pragma once

#include <mutex>
#include <utility>

#include "host/keeper.h"

namespace netkit::engine {

class GuardedKeeper {
 public:
  explicit GuardedKeeper(host::Keeper keeper) : keeper_(std::move(keeper)) {}

  // Calls `use` with the keeper, alone.
  template <class Use>
  auto with(Use use) {
    const std::lock_guard guard(mutex_);
    return use(keeper_);
  }
  [[nodiscard]] int poll_fd() const { return keeper_.poll_fd(); }

 private:
  std::mutex mutex_;
  host::Keeper keeper_;
};

}  // namespace netkit::engine
