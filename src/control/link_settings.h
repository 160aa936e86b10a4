// The generic attributes of a device: how a request's are read, checked and applied (rtnl_create_link,
// validate_linkmsg, do_setlink).
#pragma once

#include <span>

#include "control/attributes.h"
#include "device/device.h"

namespace netkit::control {

// ifla_policy and ifla_info_policy, as far as we have the attributes.
[[nodiscard]] std::span<const Rule> link_policy();
[[nodiscard]] std::span<const Rule> link_info_policy();

// How many queues a kind allows; above them EOPNOTSUPP.
struct QueueLimits {
  std::uint32_t tx = 4096;
  std::uint32_t rx = 4096;
};

// What a new device will be: `defaults` are those of its kind. EINVAL with the kernel's text.
[[nodiscard]] Result<device::DeviceSettings> settings_from(const AttributeTable& attributes,
                                                           const device::DeviceSettings& defaults,
                                                           QueueLimits limits);

// The address of IFLA_ADDRESS is one that a device may have (netkit_validate and its like): EINVAL,
// EADDRNOTAVAIL.
[[nodiscard]] Result<> validate_address(const AttributeTable& attributes);

// IFF_UP and the other flags that users may switch (rtnl_configure_link, dev_change_flags).
Result<> apply_flags(const device::Rtnl& rtnl, device::Device& device, const IfInfo& header);

// do_setlink behind the change of namespace: applied one after the other, the first failure ends it.
Result<> apply_settings(const device::Rtnl& rtnl, device::Device& device, const IfInfo& header,
                        const AttributeTable& attributes);
// Lengths and limits, before anything is applied (validate_linkmsg).
[[nodiscard]] Result<> check_settings(const device::DeviceSettings& present,
                                      const AttributeTable& attributes);

}  // namespace netkit::control
