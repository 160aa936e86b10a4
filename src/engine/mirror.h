// The engine's view of kernel namespaces: which of our namespaces mirrors which, and which interface stands
// behind which device. It keeps devices in step with the interfaces that users see there: the interface is
// the truth for name, number, MTU, address, flags and up/down; carrier goes the other way.
//
// Theory of operation. An event of the monitor says that something has happened, not how things are: when it
// is read more may have happened, some of it through our own requests. So an event that tells nothing new is
// thrown away, and one that does makes the mirror ask the kernel: for an interface of ours through the
// descriptor of its TAP, which leads to it wherever it was moved and says when it has gone, for others by
// number. What the answer says counts. Everything here happens under the configuration lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "device/backing.h"
#include "device/network.h"
#include "engine/guarded_keeper.h"
#include "host/keeper.h"
#include "host/link_monitor.h"
#include "host/tap_port.h"

namespace netkit::engine {

// An interface of ours. The port is the engine's: when it goes, so does the interface.
struct Interface {
  device::DeviceRef device;
  std::weak_ptr<host::TapPort> port;
  MacAddress mac;  // in L3 mode the device shows none, the interface has one
};

class KernelMirror {
 public:
  KernelMirror(device::Network& network, host::LinkMonitor monitor, GuardedKeeper& keeper)
      : network_(network), monitor_(std::move(monitor)), keeper_(keeper) {}

  // ---- namespaces ----
  // The namespace that mirrors this one, made if there is none; its present interfaces are read. It is called
  // `name`, or as the kernel knows it where that is empty or taken.
  [[nodiscard]] Result<device::NamespaceRef> mirror_of(const device::Rtnl& rtnl, const host::Space& space,
                                                       std::string_view name);
  // ESTALE: the kernel namespace has gone.
  [[nodiscard]] Result<host::Nsid> nsid_of(const device::Rtnl& rtnl, const device::Namespace& netns) const;
  // Deletes the mirror with everything in it; the kernel's namespace stays.
  void forget(const device::Rtnl& rtnl, device::Namespace& netns);

  // ---- interfaces ----
  // The device is registered, in a mirror, under its interface's number.
  void add(const device::Rtnl& rtnl, Interface interface);
  // Null: there is none.
  [[nodiscard]] const Interface* find(const device::Rtnl& rtnl, const device::Device& device) const;
  [[nodiscard]] std::optional<Interface> take(const device::Rtnl& rtnl, const device::Device& device);
  // The interface is as `link` says: the device follows.
  void adopt(const device::Rtnl& rtnl, device::Device& device, const host::LinkInfo& link);
  // The interface is there now; Network::adopt_namespace is the caller's.
  void moved(const device::Rtnl& rtnl, const device::Device& device, const host::Location& location);
  // Asks where the interface is and how: the device follows, or goes with it.
  void refresh(const device::Rtnl& rtnl, device::Device& device);

  // ---- events ----
  [[nodiscard]] int poll_fd() const { return monitor_.poll_fd(); }
  // Takes in everything that has happened; never blocks on the monitor. An error: nothing will be heard any
  // more.
  [[nodiscard]] Result<> catch_up(const device::Rtnl& rtnl);

 private:
  using Place = std::pair<host::Nsid, std::uint32_t>;  // namespace and ifindex
  struct Mirror {
    device::NamespaceRef netns;
    host::NamespaceIdentity identity;
  };

  void on(const device::Rtnl& rtnl, const host::LinkChanged& event);
  void on(const device::Rtnl& rtnl, const host::LinkGone& event);
  void on(const device::Rtnl& rtnl, const host::NamespaceGone& event);
  void on(const device::Rtnl& rtnl, const host::EventsLost& event);
  void ask(const device::Rtnl& rtnl, Place place);
  void adopt_other(const device::Rtnl& rtnl, device::Namespace& netns, const host::LinkInfo& link);
  [[nodiscard]] Result<> follow(const device::Rtnl& rtnl, device::Device& device,
                                const host::Location& location);
  void read_anew(const device::Rtnl& rtnl, host::Nsid space);
  [[nodiscard]] std::optional<Place> place_of(const device::Device& device) const;

  device::Network& network_;
  host::LinkMonitor monitor_;
  GuardedKeeper& keeper_;
  std::map<host::Nsid, Mirror> namespaces_;
  std::map<Place, Interface> interfaces_;
};

}  // namespace netkit::engine
