// A host in a scenario: stands above one device with one address, answers ARP and takes UDP datagrams.
#pragma once

#include <memory>
#include <string>

#include "device/execution.h"
#include "port/end_host.h"
#include "port/in_process.h"

namespace netkit::conformance {

class TestHost {
 public:
  TestHost(device::DeviceRef device, const IpPrefix& address, PacketPool& pool);
  ~TestHost();
  TestHost(const TestHost&) = delete;
  TestHost& operator=(const TestHost&) = delete;

  [[nodiscard]] const device::Namespace* netns() const { return device_->netns(); }
  [[nodiscard]] EndHost& stack() { return stack_; }
  // Moves what the host has sent into its device, and takes in what its device has delivered. False: nothing
  // moved.
  bool run(device::Execution& execution);

 private:
  device::DeviceRef device_;
  InProcessPorts ports_;  // first: the device's; second: the host's
  EndHost stack_;
};

}  // namespace netkit::conformance
