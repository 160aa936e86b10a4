// What the slots of a map refer to: inner maps, perf rings. The region holds their ids, as control sees them;
// this is the process's own side, the references and the addresses that running programs read without a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/rcu.h"
#include "base/result.h"
#include "bpf/map/memory.h"

namespace netkit::bpf {

template <class Object>
class ReferenceSlots {
 public:
  using Ref = std::shared_ptr<Object>;

  // Memory for the addresses of `count` slots, which comes as they are used.
  [[nodiscard]] static Result<ZeroedMemory> memory_for(std::uint64_t count) {
    return ZeroedMemory::allocate(count, sizeof(Address));
  }
  explicit ReferenceSlots(ZeroedMemory addresses) : addresses_(std::move(addresses)) {}

  // For running programs: valid until the caller's next quiescent state. Null: empty.
  [[nodiscard]] Object* read(std::uint64_t slot) const {
    return address(slot).load(std::memory_order_acquire);
  }

  // Puts an object (null: none) into a slot. What was there is let go of after a grace period. False: it was
  // empty.
  bool replace(std::uint64_t slot, Ref object) {
    const std::lock_guard lock(*mutex_);
    address(slot).store(object.get(), std::memory_order_release);
    Ref& held = references_[slot];
    std::swap(held, object);
    if (held == nullptr) references_.erase(slot);
    if (object == nullptr) return false;
    rcu::retire([gone = std::move(object)] {});
    return true;
  }

  // The slots in use and what they hold.
  [[nodiscard]] std::map<std::uint64_t, Ref> all() const {
    const std::lock_guard lock(*mutex_);
    return references_;
  }

 private:
  using Address = std::atomic<Object*>;
  [[nodiscard]] Address& address(std::uint64_t slot) const {
    return static_cast<Address*>(addresses_.get())[slot];
  }

  ZeroedMemory addresses_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::map<std::uint64_t, Ref> references_;
};

}  // namespace netkit::bpf
