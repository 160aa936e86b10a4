#include "device/network.h"

#include <algorithm>

#include "base/rcu.h"
#include "device/backing.h"
#include "device/device.h"
#include "device/loopback.h"
#include "device/namespace.h"

namespace netkit::device {
namespace {

// Frees an object that workers may still hold in their backlogs. A worker looks its backlog through at its
// first quiescent point after the object went, which the first grace period may just have missed: the second
// one is after it.
template <class T>
std::shared_ptr<T> reclaimed_late(T* object) {
  return std::shared_ptr<T>(object,
                            [](T* last) { rcu::retire([last] { rcu::retire([last] { delete last; }); }); });
}

}  // namespace

DeviceRef adopt_device(std::unique_ptr<Device> device) {
  return reclaimed_late(device.release());
}

struct Network::Subscribers {
  std::mutex mutex;
  std::list<Subscriber> list;
};

Network::Network() : subscribers_(std::make_shared<Subscribers>()) {}

Network::~Network() {
  const Rtnl rtnl = lock();
  while (!namespaces_.empty()) remove_namespace(rtnl, *namespaces_.back());
}

Rtnl Network::lock() {
  Rtnl rtnl(mutex_);
  if (backing_ != nullptr) backing_->catch_up(rtnl);
  return rtnl;
}

void Network::set_backing(const Rtnl&, Backing* backing) {
  backing_ = backing;
}

Backing* Network::backing_of(const Namespace& netns) const {
  return netns.mirrored() ? backing_ : nullptr;
}

Result<NamespaceRef> Network::add_namespace(const Rtnl& rtnl, std::string name, bool mirrored) {
  if (find_namespace(rtnl, name) != nullptr) return fail(EEXIST);
  NamespaceRef netns = reclaimed_late(new Namespace(*this, std::move(name), mirrored));
  namespaces_.push_back(netns);
  publish(rtnl, {.kind = EventKind::kNewNamespace, .netns = netns.get(), .name = netns->name()});
  enter(rtnl, adopt_device(std::make_unique<Loopback>(*this)), *netns, "lo", kLoopbackIndex);
  return netns;
}

void Network::remove_namespace(const Rtnl& rtnl, Namespace& netns) {
  std::vector<Device*> doomed;
  for (const DeviceRef& device : netns.devices(rtnl)) {
    if (std::ranges::find(doomed, device.get()) == doomed.end()) device->collect_for_deletion(rtnl, doomed);
  }
  unregister(rtnl, doomed);
  publish(rtnl, {.kind = EventKind::kDelNamespace, .netns = &netns, .name = netns.name()});
  std::erase_if(namespaces_, [&netns](const NamespaceRef& one) { return one.get() == &netns; });
}

NamespaceRef Network::find_namespace(const Rtnl&, std::string_view name) const {
  const auto found =
      std::ranges::find_if(namespaces_, [name](const auto& one) { return one->name() == name; });
  return found != namespaces_.end() ? *found : nullptr;
}

std::vector<NamespaceRef> Network::namespaces(const Rtnl&) const {
  return namespaces_;
}

Result<> Network::register_device(const Rtnl& rtnl, const DeviceRef& device, Namespace& netns,
                                  std::string_view name, IfIndex ifindex) {
  std::string final_name = TRY(netns.allocate_name(rtnl, name));
  if (ifindex != 0 && netns.index_taken(rtnl, ifindex)) return fail(EBUSY);
  Backing* const backing = backing_of(netns);
  if (backing == nullptr) {
    if (ifindex == 0) ifindex = netns.allocate_index(rtnl);
    enter(rtnl, device, netns, std::move(final_name), ifindex);
    return {};
  }
  InterfacePlace place = TRY(backing->make(rtnl, *device, netns, final_name, ifindex));
  enter(rtnl, device, netns, std::move(place.name), place.ifindex);
  backing->attach(rtnl, device);
  return {};
}

void Network::enter(const Rtnl& rtnl, const DeviceRef& device, Namespace& netns, std::string name,
                    IfIndex ifindex) {
  netns.insert(rtnl, device, std::move(name), ifindex);
  device->registered_.store(true, std::memory_order_release);
  notify(rtnl, EventKind::kNewLink, *device, kChangedRegistered);
}

Result<> Network::delete_device(const Rtnl& rtnl, Device& device) {
  if (device.kind() == DeviceKind::kLoopback) return fail(EOPNOTSUPP);
  std::vector<Device*> doomed;
  device.collect_for_deletion(rtnl, doomed);
  unregister(rtnl, doomed);
  return {};
}

// unregister_netdevice_many: all are closed before any goes.
void Network::unregister(const Rtnl& rtnl, std::span<Device* const> devices) {
  std::vector<DeviceRef> keep;
  for (Device* const device : devices) keep.push_back(device->shared_from_this());
  for (Device* const device : devices) (void)device->adopt_up(rtnl, false);
  for (Device* const device : devices) {
    device->registered_.store(false, std::memory_order_release);
    device->netns()->erase(rtnl, *device);
    device->tcx_ingress.release(rtnl);
    device->tcx_egress.release(rtnl);
    device->clsact.remove(rtnl);
    device->uninit(rtnl);
    if (Backing* const backing = backing_of(*device->netns())) backing->remove(rtnl, *device);
    notify(rtnl, EventKind::kDelLink, *device, kChangedRegistered);
  }
  unregistered_.fetch_add(1, std::memory_order_acq_rel);
}

Result<> Network::move_device(const Rtnl& rtnl, Device& device, Namespace& target,
                              std::string_view new_name) {
  if (device.netns() == &target) return {};
  if (!device.movable()) return fail(EINVAL, "The interface netns is immutable");
  std::string name = device.name();
  if (target.name_taken(rtnl, name)) {
    if (new_name.empty()) return fail(EEXIST, "An interface with the same name exists in the target netns");
    name = TRY(target.allocate_name(rtnl, new_name));
  }
  Backing* const backing = backing_of(target);
  if (backing != backing_of(*device.netns())) {
    return fail(EOPNOTSUPP, "a device cannot move between a namespace of the kernel and one of this process");
  }
  if (backing != nullptr) {
    InterfacePlace place = TRY(backing->move(rtnl, device, target, name));
    adopt_namespace(rtnl, device, target, std::move(place.name), place.ifindex);
    return {};
  }
  const bool number_free = !target.index_taken(rtnl, device.ifindex());
  const IfIndex ifindex = number_free ? device.ifindex() : target.allocate_index(rtnl);
  adopt_namespace(rtnl, device, target, std::move(name), ifindex);
  return {};
}

void Network::adopt_namespace(const Rtnl& rtnl, Device& device, Namespace& target, std::string name,
                              IfIndex ifindex) {
  const DeviceRef reference = device.shared_from_this();
  (void)device.adopt_up(rtnl, false);
  notify(rtnl, EventKind::kDelLink, device, kChangedMoved);
  device.netns()->erase(rtnl, device);
  target.insert(rtnl, reference, std::move(name), ifindex);
  notify(rtnl, EventKind::kNewLink, device, kChangedRegistered);
}

Result<> Network::rename_device(const Rtnl& rtnl, Device& device, std::string_view name) {
  if (name.empty() || name == device.name()) return {};
  return device.change(rtnl, {.name = TRY(device.netns()->allocate_name(rtnl, name))});
}

Subscription Network::subscribe(Subscriber subscriber) {
  const std::lock_guard lock(subscribers_->mutex);
  const auto place = subscribers_->list.insert(subscribers_->list.end(), std::move(subscriber));
  Subscription subscription;
  subscription.holder_ = std::shared_ptr<void>(nullptr, [place, weak = std::weak_ptr(subscribers_)](void*) {
    const std::shared_ptr<Subscribers> subscribers = weak.lock();
    if (subscribers == nullptr) return;
    const std::lock_guard relock(subscribers->mutex);
    subscribers->list.erase(place);
  });
  return subscription;
}

void Network::notify(const Rtnl& rtnl, EventKind kind, Device& device, std::uint32_t changed) {
  publish(rtnl, {.kind = kind,
                 .netns = device.netns(),
                 .device = &device,
                 .ifindex = device.ifindex(),
                 .name = device.name(),
                 .changed = changed});
}

void Network::publish(const Rtnl&, const Event& event) const {
  const std::lock_guard lock(subscribers_->mutex);
  for (const Subscriber& subscriber : subscribers_->list) subscriber(event);
}

}  // namespace netkit::device
