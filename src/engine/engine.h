// The engine: a network of devices and the workers that move its packets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "device/network.h"
#include "engine/worker.h"

namespace netkit::engine {

struct EngineOptions {
  std::uint32_t workers = 0;  // 0: one for two CPUs, at least one
  WorkerOptions worker;
};

// Control side. Ports that belong to devices are owned here: when a device is deleted its port is closed, a
// grace period later.
class Engine {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Engine>> start(const EngineOptions& options);
  // Stops the workers, then deletes every namespace.
  ~Engine();

  [[nodiscard]] device::Network& network() { return network_; }
  [[nodiscard]] std::size_t workers() const { return workers_.size(); }

  // Connects a device with the port towards its stack. Devices are spread over the workers in turn.
  void connect(const device::DeviceRef& device, std::shared_ptr<Port> port);
  void connect(const device::Rtnl& rtnl, const device::DeviceRef& device, std::shared_ptr<Port> port);
  // Takes the port away from the device: nothing goes through it afterwards.
  void disconnect(device::Device& device);
  void disconnect(const device::Rtnl& rtnl, device::Device& device);
  // The port of a device, or null.
  [[nodiscard]] std::shared_ptr<Port> port_of(const device::Device& device) const;

  // Becomes readable when a device was deleted or a port's interface has gone: call collect().
  [[nodiscard]] int poll_fd() const { return news_.get(); }
  // Closes the ports of deleted devices, and deletes the devices whose interface has gone (the kernel deletes
  // a netkit pair when either end goes). Returns the names of the devices that were deleted.
  std::vector<std::string> collect();

 private:
  struct Placed {
    Connection connection;
    std::size_t worker = 0;
  };
  explicit Engine(Fd news);
  void publish();

  Fd news_;  // eventfd, rung by workers and by the network's subscription
  device::Network network_;
  device::Subscription deletions_;
  mutable std::mutex mutex_;  // guards placed_; taken last
  std::vector<Placed> placed_;
  std::size_t next_worker_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace netkit::engine
