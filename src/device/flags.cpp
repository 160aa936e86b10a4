#include "device/flags.h"

namespace netkit::device {

std::string_view kind_name(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kNetkit:
      return "netkit";
    case DeviceKind::kVeth:
      return "veth";
    case DeviceKind::kDummy:
      return "dummy";
    case DeviceKind::kTap:
      return "tun";
    case DeviceKind::kLoopback:
    case DeviceKind::kPhysical:
      return {};
  }
  return {};
}

}  // namespace netkit::device
