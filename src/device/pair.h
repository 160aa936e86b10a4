// What netkit and veth have in common: two ends, registered one after the other and deleted together, with
// carrier only while both are up.
#pragma once

#include <atomic>
#include <vector>

#include "device/device.h"

namespace netkit::device {

class PairedDevice : public Device {
 public:
  // Publishes the other ends to each other, once both are registered. Both are of the same kind.
  static void join(const Rtnl& rtnl, PairedDevice& one, PairedDevice& other);

  // The other end: inside a read section or under the lock. Null: there is none, or it has gone.
  [[nodiscard]] PairedDevice* other_end() const { return other_end_.load(std::memory_order_acquire); }
  [[nodiscard]] Device* peer() const override { return other_end(); }
  [[nodiscard]] Device* link_device() const override { return other_end(); }

 protected:
  using Device::Device;

  // ENOTCONN: the other end has gone.
  Result<> open(const Rtnl& rtnl) override;
  void stop(const Rtnl& rtnl) override;
  void collect_for_deletion(const Rtnl& rtnl, std::vector<Device*>& doomed) override;
  [[nodiscard]] bool lower_is_down() const override;

 private:
  std::atomic<PairedDevice*> other_end_{nullptr};
};

}  // namespace netkit::device
