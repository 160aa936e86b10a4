// What requests work upon: the engine in its part of the kernel, shared by all its clients.
#pragma once

#include "control/pin_tree.h"
#include "device/kernel_namespaces.h"
#include "device/network.h"

namespace netkit::control {

struct System {
  device::Network& network;
  // Null: namespaces live in this process only.
  device::KernelNamespaces* kernel = nullptr;
  // Goes before the network: pinned links are attached to its devices.
  PinTree pins{};
};

}  // namespace netkit::control
