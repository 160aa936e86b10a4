#include "device/counters.h"

namespace netkit::device {

void FlowCounters::add_to(FlowTotals& totals) const {
  totals.offered += offered.get();
  totals.forwarded += forwarded.get();
  totals.redirected += redirected.get();
  totals.segmented += segmented.get();
  for (std::size_t reason = 0; reason < kDropReasons; ++reason)
    totals.dropped[reason] += dropped[reason].get();
}

}  // namespace netkit::device
