// The requests of a topology about its netkits, by way of src/control.
#pragma once

#include <span>

#include "base/result.h"
#include "control/system.h"
#include "device/device.h"
#include "topology/topology.h"

namespace netkit::runner {

struct MadeNetkit {
  device::DeviceRef primary;
  device::DeviceRef peer;  // null: a single device
};

// RTM_NEWLINK; the topology's namespaces by NamespaceIndex.
[[nodiscard]] Result<MadeNetkit> create_netkit(control::System& system, const topology::Topology& topology,
                                               const topology::Netkit& netkit,
                                               std::span<const device::NamespaceRef> netnses);

// What a step changes of a device: its policy (RTM_NEWLINK), then the rest (RTM_SETLINK).
[[nodiscard]] Result<> change_link(control::System& system, device::Device& device,
                                   const topology::SetLink& step);

}  // namespace netkit::runner
