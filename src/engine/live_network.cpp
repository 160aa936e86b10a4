#include "engine/live_network.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/log.h"
#include "device/device.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::engine {
namespace {

using device::Device;
using device::DeviceRef;
using device::InterfaceChange;
using device::InterfacePlace;
using device::Namespace;
using device::NamespaceRef;
using device::Netkit;
using device::Rtnl;

constexpr const char* kOwnName = "host";

void ring(int eventfd) {
  const std::uint64_t one = 1;
  (void)!::write(eventfd, &one, sizeof one);
}

host::LinkChange link_change(const InterfaceChange& change) {
  const auto flag = [&](device::DeviceFlag one) -> std::optional<bool> {
    if ((change.meant & one) == 0) return std::nullopt;
    return (change.flags & one) != 0;
  };
  host::LinkChange wanted{.name = change.name,
                          .alias = change.alias,
                          .mtu = change.mtu,
                          .mac = change.mac,
                          .broadcast = change.broadcast,
                          .tx_queue_len = change.tx_queue_len,
                          .group = change.group,
                          .gso_max_size = change.gso_max_size,
                          .gso_max_segs = change.gso_max_segs,
                          .up = flag(device::kUp),
                          .multicast = flag(device::kMulticast),
                          .promisc = flag(device::kPromisc),
                          .allmulti = flag(device::kAllMulti)};
  if (const auto no_arp = flag(device::kNoArp)) wanted.arp = !*no_arp;
  return wanted;
}

// What a new TAP does not have of itself.
InterfaceChange beyond_defaults(const device::DeviceSettings& settings) {
  const device::DeviceSettings usual;
  InterfaceChange change;
  if (settings.broadcast != usual.broadcast) change.broadcast = settings.broadcast;
  if (settings.tx_queue_len != usual.tx_queue_len) change.tx_queue_len = settings.tx_queue_len;
  if (settings.group != usual.group) change.group = settings.group;
  if (settings.gso_max_size != usual.gso_max_size) change.gso_max_size = settings.gso_max_size;
  if (settings.gso_max_segs != usual.gso_max_segs) change.gso_max_segs = settings.gso_max_segs;
  return change;
}

// An interface that has gone is, to the request, a device that has gone.
Failure refused(Error error) {
  if (error.code == EBADFD) return fail(ENODEV, "its interface has gone");
  return Failure(std::move(error));
}

}  // namespace

Result<std::unique_ptr<LiveNetwork>> LiveNetwork::start(Engine& engine, GuardedKeeper& keeper,
                                                        const host::NamespaceIdentity& home,
                                                        Trouble trouble) {
  Fd monitor = TRY(keeper.with([](host::Keeper& held) { return held.open_monitor(); }));
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno("eventfd");
  std::unique_ptr<LiveNetwork> live(new LiveNetwork(
      engine, keeper, home, host::LinkMonitor(std::move(monitor)), std::move(wake), std::move(trouble)));
  {
    const Rtnl rtnl = live->network_.lock();
    live->network_.set_backing(rtnl, live.get());
  }
  live->thread_ = std::jthread([raw = live.get()](const std::stop_token& stop) { raw->serve(stop); });
  return live;
}

LiveNetwork::LiveNetwork(Engine& engine, GuardedKeeper& keeper, const host::NamespaceIdentity& home,
                         host::LinkMonitor monitor, Fd wake, Trouble trouble)
    : engine_(engine),
      network_(engine.network()),
      keeper_(keeper),
      home_(home),
      mirror_(engine.network(), std::move(monitor), keeper),
      wake_(std::move(wake)),
      trouble_(std::move(trouble)) {}

LiveNetwork::~LiveNetwork() {
  if (thread_.joinable()) {
    thread_.request_stop();
    ring(wake_.get());
    thread_.join();
  }
  const Rtnl rtnl = network_.lock();
  network_.set_backing(rtnl, nullptr);
}

void LiveNetwork::wrap_ports(PortWrapper wrapper) {
  const Rtnl rtnl = network_.lock();
  wrapper_ = std::move(wrapper);
}

// ---- namespaces ----

Result<NamespaceRef> LiveNetwork::of_descriptor(int descriptor) {
  if (TRY(host::NetworkNamespace::identify(descriptor)) == home_) return own();
  return mirror_of(TRY(keeper_.with([=](host::Keeper& keeper) { return keeper.find_namespace(descriptor); })),
                   "");
}

Result<NamespaceRef> LiveNetwork::of_process(pid_t process) {
  return mirror_of(TRY(keeper_.with([=](host::Keeper& keeper) { return keeper.find_namespace_of(process); })),
                   "");
}

Result<NamespaceRef> LiveNetwork::own() {
  const host::Space space =
      TRY(keeper_.with([](host::Keeper& keeper) { return keeper.find_namespace_of(::getpid()); }));
  return mirror_of(space, kOwnName);
}

Result<NamespaceRef> LiveNetwork::make(std::string_view name) {
  return mirror_of(TRY(keeper_.with([=](host::Keeper& keeper) { return keeper.make_namespace(name); })),
                   name);
}

Result<> LiveNetwork::remove(Namespace& netns) {
  const host::Nsid nsid = TRY(nsid_of(netns));
  TRY(keeper_.with([=](host::Keeper& keeper) { return keeper.remove_namespace(nsid); }));
  const Rtnl rtnl = network_.lock();
  mirror_.forget(rtnl, netns);
  return {};
}

Result<NamespaceRef> LiveNetwork::mirror_of(const host::Space& space, std::string_view name) {
  const Rtnl rtnl = network_.lock();
  return mirror_.mirror_of(rtnl, space, name);
}

Result<host::Nsid> LiveNetwork::nsid_of(const Namespace& netns) {
  const Rtnl rtnl = network_.lock();
  return mirror_.nsid_of(rtnl, netns);
}

Result<MacAddress> LiveNetwork::interface_mac(const Device& device) {
  const Rtnl rtnl = network_.lock();
  const Interface* const interface = mirror_.find(rtnl, device);
  if (interface == nullptr) return fail(ENODEV, device.name() + " has no interface");
  return interface->mac;
}

// ---- interfaces ----

Result<host::Tap> LiveNetwork::open_tap(const Rtnl& rtnl, Namespace& netns, host::TapRequest request) {
  constexpr int kAttempts = 8;
  const bool any_number = request.ifindex == 0;
  for (int attempt = 1;; ++attempt) {
    if (any_number) request.ifindex = netns.allocate_index(rtnl);
    auto tap = keeper_.with([&](host::Keeper& keeper) { return keeper.make_tap(request); });
    // Somebody was faster; the next event tells.
    const bool again = !tap && tap.error().code == EBUSY && any_number && attempt < kAttempts;
    if (!again) return tap;
    catch_up(rtnl);
  }
}

Result<InterfacePlace> LiveNetwork::make(const Rtnl& rtnl, const Device& device, Namespace& netns,
                                         std::string_view name, device::IfIndex ifindex) {
  const auto* const netkit = dynamic_cast<const Netkit*>(&device);
  if (netkit == nullptr) {
    return fail(EOPNOTSUPP, "in a kernel namespace we make netkit devices only; `ip link add` makes a " +
                                std::string(kind_name(device.kind())) + " there");
  }
  if (device.mtu() > kMaxInterfaceMtu) {
    return fail(EINVAL, "an interface in a kernel namespace takes an MTU of at most " +
                            std::to_string(kMaxInterfaceMtu) + ", not " + std::to_string(device.mtu()));
  }
  const bool l3 = netkit->mode() == device::NetkitMode::kL3;
  host::TapRequest request{.space = TRY(mirror_.nsid_of(rtnl, netns)),
                           .name = std::string(name),
                           .ifindex = ifindex,
                           .queues = device.settings().num_rx_queues,
                           .mtu = device.mtu(),
                           .arp = !l3};
  if (!l3) request.mac = device.mac();
  host::Tap tap = TRY(open_tap(rtnl, netns, std::move(request)));
  const int queue = tap.queues.front().get();
  const host::LinkChange further = link_change(beyond_defaults(device.settings()));
  const host::Location location =
      TRY(keeper_.with([&](host::Keeper& keeper) { return keeper.change_tap(queue, further); }));
  std::unique_ptr<host::TapPort> port =
      TRY(host::TapPort::make(std::move(tap.queues), {.mac = location.link.mac, .l3 = l3}));
  host::TapPort* const inner = port.get();
  std::unique_ptr<Port> outer = std::move(port);
  if (wrapper_) outer = TRY(wrapper_(netns, name, std::move(outer)));
  const std::shared_ptr<Port> shared = std::move(outer);
  made_ = Made{location.link, shared, std::shared_ptr<host::TapPort>(shared, inner)};
  return InterfacePlace{location.link.name, location.link.ifindex};
}

void LiveNetwork::attach(const Rtnl& rtnl, const DeviceRef& device) {
  const Made made = *std::exchange(made_, std::nullopt);
  mirror_.add(rtnl, {device, made.tap, made.link.mac});
  engine_.connect(rtnl, device, made.port);
  mirror_.adopt(rtnl, *device, made.link);
}

Result<> LiveNetwork::change(const Rtnl& rtnl, Device& device, const InterfaceChange& change) {
  if (device.kind() == device::DeviceKind::kLoopback)
    return change_loopback(rtnl, device, link_change(change));
  const Interface* const interface = mirror_.find(rtnl, device);
  const auto port = interface != nullptr ? interface->port.lock() : nullptr;
  if (port == nullptr) return fail(ENODEV, "its interface has gone");
  const auto location = keeper_.with(
      [&](host::Keeper& keeper) { return keeper.change_tap(port->queue_poll_fd(0), link_change(change)); });
  if (!location) {
    mirror_.refresh(rtnl, device);
    return refused(location.error());
  }
  mirror_.adopt(rtnl, device, location->link);
  return {};
}

Result<> LiveNetwork::change_loopback(const Rtnl& rtnl, Device& device, const host::LinkChange& change) {
  const host::Nsid nsid = TRY(mirror_.nsid_of(rtnl, *device.netns()));
  const host::LinkInfo link = TRY(keeper_.with([&](host::Keeper& keeper) -> Result<host::LinkInfo> {
    TRY(keeper.change_link(nsid, device::kLoopbackIndex, change));
    return keeper.link(nsid, device::kLoopbackIndex);
  }));
  mirror_.adopt(rtnl, device, link);
  return {};
}

Result<InterfacePlace> LiveNetwork::move(const Rtnl& rtnl, Device& device, Namespace& target,
                                         std::string_view name) {
  const host::Nsid nsid = TRY(mirror_.nsid_of(rtnl, target));
  const Interface* const interface = mirror_.find(rtnl, device);
  const auto port = interface != nullptr ? interface->port.lock() : nullptr;
  if (port == nullptr) return fail(ENODEV, "its interface has gone");
  const auto location =
      keeper_.with([&](host::Keeper& keeper) { return keeper.move_tap(port->queue_poll_fd(0), nsid, name); });
  if (!location) {
    mirror_.refresh(rtnl, device);
    return refused(location.error());
  }
  mirror_.moved(rtnl, device, *location);
  return InterfacePlace{location->link.name, location->link.ifindex};
}

void LiveNetwork::remove(const Rtnl& rtnl, Device& device) {
  if (const auto interface = mirror_.take(rtnl, device)) {
    const auto port = interface->port.lock();
    const auto deleted = keeper_.with([&](host::Keeper& keeper) -> Result<> {
      return port != nullptr ? keeper.delete_tap(port->queue_poll_fd(0)) : Result<>{};
    });
    const bool gone_before = !deleted && (deleted.error().code == EBADFD || deleted.error().code == ENODEV);
    if (!deleted && !gone_before) {
      log::warning(device.name() + ": its interface goes with the engine: " + describe(deleted.error()));
    }
  }
  engine_.disconnect(rtnl, device);
}

// ---- events ----

void LiveNetwork::catch_up(const Rtnl& rtnl) {
  if (deaf_) return;
  if (mirror_.catch_up(rtnl)) return;
  deaf_ = true;
  ring(wake_.get());
}

void LiveNetwork::serve(const std::stop_token& stop) {
  std::array<pollfd, 4> waiting = {pollfd{wake_.get(), POLLIN, 0}, pollfd{mirror_.poll_fd(), POLLIN, 0},
                                   pollfd{engine_.poll_fd(), POLLIN, 0}, pollfd{keeper_.poll_fd(), 0, 0}};
  while (true) {
    ::poll(waiting.data(), waiting.size(), -1);
    if (stop.stop_requested()) return;
    if (waiting[1].revents != 0) {
      const Rtnl rtnl = network_.lock();  // which catches up
      if (deaf_) waiting[1].fd = -1;
    }
    if (waiting[0].revents != 0) {
      std::uint64_t rings = 0;
      (void)!::read(wake_.get(), &rings, sizeof rings);
      trouble_("the kernel's link events have stopped: interfaces are not followed any more");
    }
    if (waiting[2].revents != 0) {
      for (const std::string& name : engine_.collect()) log::warning(name + ": its interface has gone");
    }
    if (waiting[3].revents != 0) {
      waiting[3].fd = -1;
      trouble_("the keeper has died");
    }
  }
}

}  // namespace netkit::engine
