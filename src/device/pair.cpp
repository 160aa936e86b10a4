#include "device/pair.h"

namespace netkit::device {

void PairedDevice::join(const Rtnl&, PairedDevice& one, PairedDevice& other) {
  one.other_end_.store(&other, std::memory_order_release);
  other.other_end_.store(&one, std::memory_order_release);
}

// netkit_open, veth_open
Result<> PairedDevice::open(const Rtnl& rtnl) {
  PairedDevice* const other = other_end();
  if (other == nullptr) return fail(ENOTCONN);
  if (other->is_up()) {
    set_carrier(rtnl, true);
    other->set_carrier(rtnl, true);
  }
  return {};
}

// netkit_close, veth_close
void PairedDevice::stop(const Rtnl& rtnl) {
  set_carrier(rtnl, false);
  if (PairedDevice* const other = other_end()) other->set_carrier(rtnl, false);
}

// netkit_del_link, veth_dellink: the ends forget each other before either is unregistered, so packets find no
// peer from now on.
void PairedDevice::collect_for_deletion(const Rtnl&, std::vector<Device*>& doomed) {
  doomed.push_back(this);
  PairedDevice* const other = other_end_.exchange(nullptr, std::memory_order_acq_rel);
  if (other == nullptr) return;
  other->other_end_.store(nullptr, std::memory_order_release);
  doomed.push_back(other);
}

bool PairedDevice::lower_is_down() const {
  const PairedDevice* const other = other_end();
  return other != nullptr && other->netns() == netns() && !other->carrier();
}

}  // namespace netkit::device
