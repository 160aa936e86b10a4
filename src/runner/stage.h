// Where a topology plays: real namespaces with TAPs (live_stage.h), or this process alone, where responders
// stand for the pods (in_process_stage.h). The steps are the same on both.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "control/system.h"
#include "device/device.h"
#include "engine/engine.h"
#include "port/port.h"
#include "runner/fact.h"
#include "topology/topology.h"

namespace netkit::runner {

// What came of one piece of traffic.
struct Traffic {
  bool arrived = false;  // all of it
  bool nothing = true;   // nothing of it
  std::string seen;      // "3 of 3 answered"
  topology::Showing showing = topology::Showing::kLive;
  double bits_per_second = 0;           // TCP
  double baseline_bits_per_second = 0;  // the same over veth; 0: not measured
};

class Stage {
 public:
  virtual ~Stage() = default;

  // "live (root)"
  [[nodiscard]] virtual std::string how() const = 0;
  // How what is counted here was shown.
  [[nodiscard]] virtual topology::Showing showing() const = 0;
  [[nodiscard]] virtual engine::Engine& engine() = 0;
  // What requests work upon: that engine.
  [[nodiscard]] virtual control::System& system() = 0;
  // The device of an end. ENODEV: it has gone.
  [[nodiscard]] virtual Result<device::DeviceRef> device(topology::EndIndex end) = 0;
  // The MAC that packets to this end carry: of the interface in a kernel namespace, else of the device.
  [[nodiscard]] virtual Result<MacAddress> mac(topology::EndIndex end) = 0;
  // Drops that the kernel counted at the end's interface; 0 where there is none.
  [[nodiscard]] virtual std::uint64_t kernel_drops(topology::EndIndex end) = 0;

  // Switches the ends on that the topology wants up.
  [[nodiscard]] virtual Result<> set_links_up() = 0;
  // Waits until what was asked for has come through to the devices.
  virtual void settle() = 0;

  [[nodiscard]] virtual Result<Traffic> ping(const topology::Ping& step, const IpAddress& to) = 0;
  [[nodiscard]] virtual Result<Traffic> udp(const topology::Udp& step, const IpAddress& to) = 0;
  [[nodiscard]] virtual Result<Traffic> tcp(const topology::Tcp& step, const IpAddress& to) = 0;
  [[nodiscard]] virtual Result<Traffic> neighbour(const topology::Neighbour& step, const IpAddress& to) = 0;
  [[nodiscard]] virtual Result<Traffic> exec(const topology::Exec& step) = 0;
  [[nodiscard]] virtual Result<> set_link(const topology::SetLink& step) = 0;

  // Runs a command in the host namespace with the caller's terminal (`netkit run ... -- CMD`); its exit
  // status.
  [[nodiscard]] virtual Result<int> run_in_host(const std::vector<std::string>& command) = 0;
};

}  // namespace netkit::runner
