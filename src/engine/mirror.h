// Keeps the engine's devices in kernel namespaces in step with the interfaces that users see there: the
// interface is the truth for name, number, MTU, address, flags and up/down; carrier goes the other way.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "device/network.h"
#include "host/keeper.h"
#include "host/link_monitor.h"
#include "host/tap_port.h"

namespace netkit::engine {

class KernelMirror {
 public:
  // What the mirror asks of the keeper.
  struct Questions {
    // The links of a namespace (Keeper::links), for when events were lost.
    std::function<Result<std::vector<host::LinkInfo>>(host::Nsid)> links;
    // Where an interface went (Keeper::locate).
    std::function<Result<host::Location>(int tap_queue)> locate;
  };

  KernelMirror(device::Network& network, host::LinkMonitor monitor, Questions questions)
      : network_(network), monitor_(std::move(monitor)), questions_(std::move(questions)) {}

  // A kernel namespace and the one that mirrors it; its present interfaces are read.
  [[nodiscard]] Result<> add_namespace(host::Nsid space, device::NamespaceRef netns);
  // An interface of ours and its device, which is in the mirror of `space` under the same number. The port is
  // the engine's: when it goes, so does the interface.
  void add_device(host::Nsid space, const device::DeviceRef& device, std::weak_ptr<host::TapPort> port);

  [[nodiscard]] int poll_fd() const { return monitor_.poll_fd(); }
  // Takes in everything that happened; never blocks. An error: nothing will be heard any more.
  [[nodiscard]] Result<> process();

 private:
  struct Mirrored {
    device::DeviceRef device;
    std::weak_ptr<host::TapPort> port;
  };
  using Place = std::pair<host::Nsid, std::uint32_t>;  // namespace and ifindex

  void on(const host::LinkChanged& event);
  void on(const host::LinkGone& event);
  void on(const host::NamespaceGone& event);
  void on(const host::EventsLost& event);
  void adopt(const Mirrored& mirrored, const host::LinkInfo& link);
  void follow(const Mirrored& mirrored);
  [[nodiscard]] Result<device::NamespaceRef> namespace_of(host::Nsid space);
  void read_anew(host::Nsid space);

  device::Network& network_;
  host::LinkMonitor monitor_;
  Questions questions_;
  std::map<host::Nsid, device::NamespaceRef> namespaces_;
  std::map<Place, Mirrored> devices_;
};

}  // namespace netkit::engine
