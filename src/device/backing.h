// What stands behind the devices of mirrored namespaces: interfaces of the kernel. Implemented where the
// operating system is reached.
//
// A request about such a device passes our own checks first, then the kernel's; what the interface is
// afterwards is the truth, and the device follows it. The kernel's users change interfaces as well: catch_up
// takes in what they did, and is called whenever the configuration lock is taken, so that whoever holds the
// lock sees the mirrors as the kernel had them at that moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"
#include "device/flags.h"
#include "device/network.h"

namespace netkit::device {

// What is to change of a device, or has changed of its interface. What is absent stays.
struct InterfaceChange {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::string> alias = std::nullopt;
  std::optional<std::uint32_t> mtu = std::nullopt;
  std::optional<MacAddress> mac = std::nullopt;
  std::optional<MacAddress> broadcast = std::nullopt;
  std::optional<std::uint32_t> tx_queue_len = std::nullopt;
  std::optional<std::uint32_t> group = std::nullopt;
  std::optional<std::uint32_t> gso_max_size = std::nullopt;
  std::optional<std::uint32_t> gso_max_segs = std::nullopt;
  std::uint32_t flags = 0;  // DeviceFlag
  std::uint32_t meant = 0;  // which of them
};

// Under what name and number an interface is in its namespace.
struct InterfacePlace {
  std::string name;
  IfIndex ifindex = 0;
};

// Every call is made, and answers, under the configuration lock. Errors are the kernel's, with its text.
class Backing {
 public:
  virtual ~Backing() = default;

  // Takes in what has happened to interfaces and namespaces until now: devices follow, or go.
  virtual void catch_up(const Rtnl& rtnl) = 0;
  // Makes the interface, down and without carrier, of a device that is about to be registered; it has the
  // device's settings. `ifindex` 0: the next free one. EOPNOTSUPP: a kind that cannot live in a kernel
  // namespace.
  virtual Result<InterfacePlace> make(const Rtnl& rtnl, const Device& device, Namespace& netns,
                                      std::string_view name, IfIndex ifindex) = 0;
  // The device that make() was called for is registered: joins it with its interface.
  virtual void attach(const Rtnl& rtnl, const DeviceRef& device) = 0;
  // Changes the interface; the device has followed when it returns, also where only a part was changed.
  virtual Result<> change(const Rtnl& rtnl, Device& device, const InterfaceChange& change) = 0;
  // Moves the interface to another mirrored namespace, where it gets that name; it is down afterwards.
  virtual Result<InterfacePlace> move(const Rtnl& rtnl, Device& device, Namespace& target,
                                      std::string_view name) = 0;
  // The device has been unregistered: its interface goes, if it has not gone already.
  virtual void remove(const Rtnl& rtnl, Device& device) = 0;
};

}  // namespace netkit::device
