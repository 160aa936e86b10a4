#include "control/tc_message.h"

#include "device/namespace.h"

namespace netkit::control {

std::span<const Rule> tc_policy() {
  static constexpr Rule kPolicy[] = {
      {.type = kTcaKind, .form = Form::kText},       {.type = kTcaOptions, .form = Form::kNested},
      {.type = kTcaChain, .form = Form::kU32},       {.type = kTcaIngressBlock, .form = Form::kU32},
      {.type = kTcaEgressBlock, .form = Form::kU32},
  };
  return kPolicy;
}

Result<device::DeviceRef> find_tc_device(const Client& client, const device::Rtnl& rtnl,
                                         const TcHeader& header) {
  device::DeviceRef device = client.netns()->find(rtnl, static_cast<device::IfIndex>(header.ifindex));
  if (device == nullptr) return fail(ENODEV);
  return device;
}

}  // namespace netkit::control
