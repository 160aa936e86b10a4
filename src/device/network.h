// The set of namespaces with their devices, and the one configuration lock over all of it (the kernel's
// RTNL).
//
// Everything that changes configuration takes an Rtnl, the proof that the caller holds the lock. The data
// path never takes it: what it reads is atomic, or an immutable snapshot published by RCU.
//
// Life of a device. It is made, registered (findable, numbered, named), and unregistered: then no new packet
// finds it. Packets that still stand in a worker's backlog are dropped by that worker at its next quiescent
// point (Execution::quiescent), which is why a device is freed two grace periods after the last reference
// went.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "device/event.h"

namespace netkit::device {

class Backing;
class Device;
class Namespace;
class Network;
using DeviceRef = std::shared_ptr<Device>;
using NamespaceRef = std::shared_ptr<Namespace>;

// The configuration lock, held for the life of the object.
class Rtnl {
 public:
  Rtnl(Rtnl&&) = default;

 private:
  friend class Network;
  explicit Rtnl(std::mutex& mutex) : lock_(mutex) {}
  std::unique_lock<std::mutex> lock_;
};

// Ends the subscription when it goes (not while the lock is held).
class Subscription {
 public:
  Subscription() = default;
  Subscription(Subscription&&) noexcept = default;
  Subscription& operator=(Subscription&&) noexcept = default;

 private:
  friend class Network;
  std::shared_ptr<void> holder_;
};

class Network {
 public:
  Network();
  ~Network();  // deletes every namespace
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // With what has happened to kernel interfaces until now taken in (Backing::catch_up).
  [[nodiscard]] Rtnl lock();

  // Who makes and changes the interfaces of mirrored namespaces, or null: then such namespaces hold devices
  // that have none. Outlives its use here.
  void set_backing(const Rtnl& rtnl, Backing* backing);
  // That of a namespace; null: its devices have no interfaces.
  [[nodiscard]] Backing* backing_of(const Namespace& netns) const;

  // ---- namespaces ----
  // A new namespace with its lo (number 1, down). EEXIST: the name is taken.
  Result<NamespaceRef> add_namespace(const Rtnl& rtnl, std::string name, bool mirrored = false);
  // Deletes everything in it, the other ends of its pairs elsewhere included.
  void remove_namespace(const Rtnl& rtnl, Namespace& netns);
  [[nodiscard]] NamespaceRef find_namespace(const Rtnl& rtnl, std::string_view name) const;
  [[nodiscard]] std::vector<NamespaceRef> namespaces(const Rtnl& rtnl) const;

  // ---- devices ----
  // Numbers and names the device and makes it findable (register_netdevice). `name` may be a template with
  // one %d; `ifindex` 0: the next free one. EINVAL: not a name; EEXIST: taken; ENFILE: template exhausted;
  // EBUSY: the number is in use.
  Result<> register_device(const Rtnl& rtnl, const DeviceRef& device, Namespace& netns, std::string_view name,
                           IfIndex ifindex);
  // Takes the device and all that must go with it (the other end of its pair) out of their namespaces.
  // EOPNOTSUPP: lo.
  Result<> delete_device(const Rtnl& rtnl, Device& device);
  // Moves a device (dev_change_net_namespace): it is set down, keeps its number if that is free, and its
  // name, or takes `new_name`. EINVAL "The interface netns is immutable"; EEXIST; EOPNOTSUPP: between a
  // namespace of the kernel and one of this process.
  Result<> move_device(const Rtnl& rtnl, Device& device, Namespace& target, std::string_view new_name = {});
  // Renames (dev_change_name): templates are expanded; an empty name changes nothing.
  Result<> rename_device(const Rtnl& rtnl, Device& device, std::string_view name);

  // The mirror of a kernel namespace tells that an interface was moved: nothing is checked.
  void adopt_namespace(const Rtnl& rtnl, Device& device, Namespace& target, std::string name,
                       IfIndex ifindex);

  // ---- notifications ----
  [[nodiscard]] Subscription subscribe(Subscriber subscriber);
  void notify(const Rtnl& rtnl, EventKind kind, Device& device, std::uint32_t changed);

  // Rises with every device that is unregistered: workers compare it to know that their backlog needs a look.
  [[nodiscard]] std::uint64_t unregistered() const { return unregistered_.load(std::memory_order_acquire); }

 private:
  struct Subscribers;
  void enter(const Rtnl& rtnl, const DeviceRef& device, Namespace& netns, std::string name, IfIndex ifindex);
  void unregister(const Rtnl& rtnl, std::span<Device* const> devices);
  void publish(const Rtnl& rtnl, const Event& event) const;

  std::mutex mutex_;
  Backing* backing_ = nullptr;
  std::vector<NamespaceRef> namespaces_;
  std::shared_ptr<Subscribers> subscribers_;
  std::atomic<std::uint64_t> unregistered_{0};
};

}  // namespace netkit::device
