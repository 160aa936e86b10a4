// The programs of one direction of a device outside its driver: the tcx list, then the classic filters
// (sch_handle_ingress, sch_handle_egress; spec mprog-attach.md 10).
#pragma once

#include "device/device.h"
#include "device/execution.h"

namespace netkit::device {

// What becomes of a packet.
enum class HookVerdict : std::uint8_t {
  kContinue,
  kDrop,
  kRedirect,
  kStolen,  // a filter took it: neither lost nor sent on
};

class DirectionHook {
 public:
  // Inside a read section, for as long as it lasts.
  DirectionHook(const Device& device, Direction direction)
      : tcx_((direction == Direction::kIngress ? device.tcx_ingress : device.tcx_egress).read()),
        classic_(device.clsact.read(direction)) {}

  // False: no program and no qdisc.
  [[nodiscard]] bool exists() const { return tcx_ != nullptr || classic_ != nullptr; }
  // Data is at the MAC header. A packet that may go on has its tc_index set as the verdict says.
  [[nodiscard]] HookVerdict run(Execution& execution, Packet& packet) const;

 private:
  const ProgramList::Snapshot* tcx_;
  const FilterList* classic_;
};

}  // namespace netkit::device
