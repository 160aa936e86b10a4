// The kernel's part of an engine: network namespaces and interfaces, reached through the keeper.
//
// It makes devices live. A netkit end that is made in a kernel namespace gets a TAP there, opened by the
// keeper and joined with the device by a port; requests about the device go to the interface; what users do
// to the interface comes back through the mirror (mirror.h). A thread of its own takes in what happens while
// nobody asks for anything.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "base/result.h"
#include "device/backing.h"
#include "device/kernel_namespaces.h"
#include "engine/engine.h"
#include "engine/guarded_keeper.h"
#include "engine/mirror.h"

namespace netkit::engine {

// 65535 less the Ethernet header: the kernel takes no more for a TAP.
inline constexpr std::uint32_t kMaxInterfaceMtu = 65521;

class LiveNetwork final : public device::Backing, public device::KernelNamespaces {
 public:
  // Called on the network's own thread when the keeper has died or the kernel's events have stopped: what is
  // there goes on, no more can be made. One line for people.
  using Trouble = std::function<void(const std::string& what)>;
  // May put a port around the one of an interface that is about to be made, to capture for instance.
  using PortWrapper = std::function<Result<std::unique_ptr<Port>>(
      const device::Namespace& netns, std::string_view name, std::unique_ptr<Port> port)>;

  // The engine and the keeper outlive it. Nothing else may be the engine's backing. `home` is the namespace
  // in which the program was started: an ordinary user's engine lives in one of its own (host::enter), and
  // may not look at the other; the one stands for the other then.
  [[nodiscard]] static Result<std::unique_ptr<LiveNetwork>> start(Engine& engine, GuardedKeeper& keeper,
                                                                  const host::NamespaceIdentity& home,
                                                                  Trouble trouble);
  ~LiveNetwork() override;

  [[nodiscard]] GuardedKeeper& keeper() { return keeper_; }
  // For the interfaces that are made from now on.
  void wrap_ports(PortWrapper wrapper);

  // ---- device::KernelNamespaces ----
  Result<device::NamespaceRef> of_descriptor(int descriptor) override;
  Result<device::NamespaceRef> of_process(pid_t process) override;
  Result<device::NamespaceRef> own() override;
  Result<device::NamespaceRef> make(std::string_view name) override;
  Result<> remove(device::Namespace& netns) override;
  // The mirror of one that the keeper knows, by the name that the caller gives it if that is free.
  Result<device::NamespaceRef> mirror_of(const host::Space& space, std::string_view name);

  // What the keeper is asked with about a mirror. ESTALE: its namespace has gone.
  [[nodiscard]] Result<host::Nsid> nsid_of(const device::Namespace& netns);
  // The address of a device's interface; in L3 mode the device itself shows none. ENODEV: it has none.
  [[nodiscard]] Result<MacAddress> interface_mac(const device::Device& device);

 private:
  // An interface that was made for a device which is not registered yet.
  struct Made {
    host::LinkInfo link;
    std::shared_ptr<Port> port;
    std::shared_ptr<host::TapPort> tap;  // inside port, or the port itself
  };

  LiveNetwork(Engine& engine, GuardedKeeper& keeper, const host::NamespaceIdentity& home,
              host::LinkMonitor monitor, Fd wake, Trouble trouble);

  // ---- device::Backing ----
  void catch_up(const device::Rtnl& rtnl) override;
  Result<device::InterfacePlace> make(const device::Rtnl& rtnl, const device::Device& device,
                                      device::Namespace& netns, std::string_view name,
                                      device::IfIndex ifindex) override;
  void attach(const device::Rtnl& rtnl, const device::DeviceRef& device) override;
  Result<> change(const device::Rtnl& rtnl, device::Device& device,
                  const device::InterfaceChange& change) override;
  Result<device::InterfacePlace> move(const device::Rtnl& rtnl, device::Device& device,
                                      device::Namespace& target, std::string_view name) override;
  void remove(const device::Rtnl& rtnl, device::Device& device) override;

  [[nodiscard]] Result<host::Tap> open_tap(const device::Rtnl& rtnl, device::Namespace& netns,
                                           host::TapRequest request);
  [[nodiscard]] Result<> change_loopback(const device::Rtnl& rtnl, device::Device& device,
                                         const host::LinkChange& change);
  void serve(const std::stop_token& stop);

  Engine& engine_;
  device::Network& network_;
  GuardedKeeper& keeper_;
  const host::NamespaceIdentity home_;
  KernelMirror mirror_;  // under the configuration lock, as what follows
  bool deaf_ = false;    // the monitor failed
  PortWrapper wrapper_;
  std::optional<Made> made_;
  Fd wake_;  // eventfd: the thread is to end, or to tell of trouble
  Trouble trouble_;
  std::jthread thread_;
};

}  // namespace netkit::engine
