// The request that creates a netkit of a topology, and the ends that came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "device/device.h"
#include "topology/topology.h"

namespace netkit::runner {

// What an end is to be called and numbered where its interface exists already (a TAP in a kernel namespace).
struct EndPlace {
  device::NamespaceRef netns;
  std::string name;
  std::uint32_t ifindex = 0;      // 0: the next free one
  std::optional<MacAddress> mac;  // L2 mode; absent: random
};

struct MadeNetkit {
  device::DeviceRef primary;
  device::DeviceRef peer;  // null: a single device
};

// RTM_NEWLINK, by way of src/control. `peer` counts only where the topology has one.
[[nodiscard]] Result<MadeNetkit> create_netkit(device::Network& network, const topology::Topology& topology,
                                               const topology::Netkit& netkit, const EndPlace& primary,
                                               const EndPlace& peer);

}  // namespace netkit::runner
