#include "host/keeper_handler.h"
#include "host/stale_sockets.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "host/link_monitor.h"

namespace netkit::host {
namespace {

Result<Nothing> nothing(Result<> result) {
  if (!result) return std::unexpected(std::move(result).error());
  return Nothing{};
}

Result<> write_sysctl(const SetSysctl& request) {
  const std::string path = "/proc/sys/net/" + request.key;
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail_errno("opening " + path);
  const ssize_t written = ::write(file.get(), request.value.data(), request.value.size());
  if (written != static_cast<ssize_t>(request.value.size())) return fail_errno("writing " + path);
  return {};
}

Result<TapPlace> tap_of(const Attachments& attachments) {
  if (attachments.received.size() != 1) return fail(EINVAL, "one descriptor is needed");
  return find_tap(attachments.received.front().get());
}

// Inside the namespace of an interface, with a socket opened there.
template <class Work>
Result<> with_link(const TapPlace& place, Work work) {
  return in_namespace(place.space, [&]() -> Result<> {
    Netlink netlink = TRY(Netlink::open());
    return work(netlink, TRY(netlink.link(place.name)));
  });
}

}  // namespace

Result<KeeperHandler> KeeperHandler::make(pid_t engine, const KeeperOptions& options) {
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno("making the scratch network namespace");
  auto scratch = std::make_unique<Netlink>(TRY(Netlink::open()));
  Journal journal = TRY(Journal::create(options.state_directory, options.mode == RunMode::kLiveUserns));
  return KeeperHandler(engine, std::move(scratch), std::move(journal));
}

KeeperHandler::KeeperHandler(pid_t engine, std::unique_ptr<Netlink> scratch, Journal journal)
    : engine_(engine), scratch_(std::move(scratch)), spaces_(*scratch_), journal_(std::move(journal)) {}

// ---- namespaces ----

Result<Space> KeeperHandler::handle(const MakeNamespace& request, Attachments&) {
  TRY(journal_.write(NameReserved{request.name}));
  auto space = make_journalled(request.name);
  if (!space) TRY(journal_.write(NamespaceRemoved{request.name}));
  return space;
}

Result<Space> KeeperHandler::make_journalled(const std::string& name) {
  TRY(reserve_namespace_name(name));
  auto space = mount_journalled(name);
  if (space) return space;
  if (auto removed = delete_named_namespace(name); !removed) log::warning(describe(removed.error()));
  return space;
}

Result<Space> KeeperHandler::mount_journalled(const std::string& name) {
  const NetworkNamespace space = TRY(NetworkNamespace::make());
  TRY(journal_.write(NamespaceMade{name, space.identity()}));
  TRY(mount_namespace(name, space));
  return spaces_.add(space, {name, std::string(kNetnsDirectory) + "/" + name, space.identity(), true});
}

Result<Space> KeeperHandler::handle(const UseNamespace& request, Attachments&) {
  TRY(check_namespace_name(request.label));
  const NetworkNamespace space = TRY(NetworkNamespace::at_path(request.path));
  TRY(journal_.write(NamespaceUsed{request.label, request.path}));
  return spaces_.add(space, {request.label, request.path, space.identity(), false});
}

Result<Space> KeeperHandler::handle(const UseOwnNamespace& request, Attachments& attachments) {
  return handle(UseNamespace{request.label, "/proc/" + std::to_string(engine_) + "/ns/net"}, attachments);
}

Result<Space> KeeperHandler::handle(const FindNamespace&, Attachments& attachments) {
  if (attachments.received.size() != 1) return fail(EINVAL, "one descriptor is needed");
  return spaces_.add_foreign(TRY(NetworkNamespace::from_fd(std::move(attachments.received.front()))));
}

Result<Space> KeeperHandler::handle(const FindNamespaceOfProcess& request, Attachments&) {
  const auto space = NetworkNamespace::of_process(request.process);
  if (space) return spaces_.add_foreign(*space);
  if (space.error().code != ENOENT) return std::unexpected(space.error());
  return fail(ESRCH, "no process has the number " + std::to_string(request.process));
}

Result<Nothing> KeeperHandler::handle(const RemoveNamespace& request, Attachments&) {
  const KnownSpace known = TRY(spaces_.find(request.space));
  if (!known.made) {
    return fail(EPERM, "network namespace '" + known.name + "' was not made by this instance");
  }
  TRY(spaces_.open(request.space));  // still the same?
  TRY(delete_named_namespace(known.name));
  spaces_.forget(request.space);
  return nothing(journal_.write(NamespaceRemoved{known.name}));
}

// ---- interfaces ----

Result<LinkInfo> KeeperHandler::handle(const MakeTap& request, Attachments& attachments) {
  const TapRequest& tap = request.tap;
  const NetworkNamespace target = TRY(spaces_.open(tap.space));
  const std::string scratch_name = "tap" + std::to_string(++taps_made_);
  std::vector<Fd> queues = TRY(open_tap(scratch_name, tap.queues));
  const LinkInfo made = TRY(scratch_->link(scratch_name));
  const std::uint32_t ifindex = tap.ifindex != 0 ? tap.ifindex : TRY(next_ifindex(tap.space));
  LinkChange change{.name = tap.name, .mtu = tap.mtu, .mac = tap.mac, .arp = tap.arp, .new_ifindex = ifindex};
  if (!tap.alias.empty()) change.alias = tap.alias;
  const auto moved = scratch_->move_link(made.ifindex, target.fd(), change);
  if (!moved) return explain(moved.error(), tap, ifindex);
  attachments.replied = std::move(queues);
  return scratch_->link(ifindex, tap.space);
}

// As a kernel that makes a device there would number it; devices made and deleted before leave no trace that
// could be read.
Result<std::uint32_t> KeeperHandler::next_ifindex(Nsid space) {
  std::uint32_t highest = 0;
  for (const LinkInfo& link : TRY(scratch_->links(space))) highest = std::max(highest, link.ifindex);
  return highest + 1;
}

Failure KeeperHandler::explain(const Error& error, const TapRequest& tap, std::uint32_t ifindex) const {
  const auto space = spaces_.find(tap.space);
  const std::string where = space ? " in network namespace '" + space->name + "'" : "";
  if (error.code == EEXIST) return fail(EEXIST, "interface name '" + tap.name + "' is taken" + where);
  if (error.code == EBUSY) return fail(EBUSY, "ifindex " + std::to_string(ifindex) + " is taken" + where);
  return Failure(error);
}

Result<Nothing> KeeperHandler::handle(const MakeVeth& request, Attachments&) {
  const NetworkNamespace peer = TRY(spaces_.open(request.peer_space));
  return spaces_.inside(request.space, [&](Netlink& netlink) {
    return nothing(netlink.make_veth(request.name, request.peer_name, peer.fd()));
  });
}

Result<Nothing> KeeperHandler::handle(const ChangeLink& request, Attachments&) {
  return spaces_.inside(request.space, [&](Netlink& netlink) {
    return nothing(netlink.change_link(request.ifindex, request.change));
  });
}

Result<Nothing> KeeperHandler::handle(const MoveLink& request, Attachments&) {
  const NetworkNamespace target = TRY(spaces_.open(request.target));
  return spaces_.inside(request.space, [&](Netlink& netlink) {
    return nothing(netlink.move_link(request.ifindex, target.fd(), request.change));
  });
}

Result<Nothing> KeeperHandler::handle(const DeleteLink& request, Attachments&) {
  TRY(spaces_.find(request.space));
  return nothing(scratch_->delete_link(request.ifindex, request.space));
}

Result<LinkInfo> KeeperHandler::handle(const LinkByIndex& request, Attachments&) {
  return scratch_->link(request.ifindex, request.space);
}

Result<LinkInfo> KeeperHandler::handle(const LinkByName& request, Attachments&) {
  return scratch_->link(request.name, request.space);
}

Result<std::vector<LinkInfo>> KeeperHandler::handle(const LinksAfter& request, Attachments&) {
  constexpr std::size_t kPerDatagram = 200;  // of at most some 400 bytes each
  std::vector<LinkInfo> links = TRY(scratch_->links(request.space));
  std::erase_if(links, [&](const LinkInfo& link) { return link.ifindex <= request.after; });
  std::ranges::sort(links, {}, &LinkInfo::ifindex);
  if (links.size() > kPerDatagram) links.resize(kPerDatagram);
  return links;
}

Result<Location> KeeperHandler::handle(const LocateTap&, Attachments& attachments) {
  return locate(TRY(tap_of(attachments)));
}

Result<Location> KeeperHandler::locate(const TapPlace& place) {
  const Failure going = fail(EBADFD, "the network namespace of the interface is going");
  const auto space = spaces_.add_foreign(place.space);
  if (!space) return going;
  auto link = scratch_->link(place.name, space->nsid);
  if (!link) return going;
  return Location{*space, *std::move(link)};
}

Result<Location> KeeperHandler::handle(const ChangeTap& request, Attachments& attachments) {
  const TapPlace place = TRY(tap_of(attachments));
  TRY(with_link(place, [&](Netlink& netlink, const LinkInfo& link) {
    return netlink.change_link(link.ifindex, request.change);
  }));
  return locate(TRY(tap_of(attachments)));
}

Result<Location> KeeperHandler::handle(const MoveTap& request, Attachments& attachments) {
  const NetworkNamespace target = TRY(spaces_.open(request.target));
  const TapPlace place = TRY(tap_of(attachments));
  TRY(with_link(place, [&](Netlink& netlink, const LinkInfo& link) {
    LinkChange there;
    if (request.name != link.name) there.name = request.name;
    return netlink.move_link(link.ifindex, target.fd(), there);
  }));
  return locate(TRY(tap_of(attachments)));
}

Result<Nothing> KeeperHandler::handle(const DeleteTap&, Attachments& attachments) {
  const TapPlace place = TRY(tap_of(attachments));
  return nothing(with_link(
      place, [](Netlink& netlink, const LinkInfo& link) { return netlink.delete_link(link.ifindex); }));
}

// ---- what is in a namespace ----

Result<Nothing> KeeperHandler::handle(const AddAddress& request, Attachments&) {
  return spaces_.inside(request.space, [&](Netlink& netlink) {
    return nothing(netlink.add_address(request.ifindex, request.address));
  });
}

Result<Nothing> KeeperHandler::handle(const AddRoute& request, Attachments&) {
  return spaces_.inside(request.space,
                        [&](Netlink& netlink) { return nothing(netlink.add_route(request.route)); });
}

Result<Nothing> KeeperHandler::handle(const AddNeighbour& request, Attachments&) {
  return spaces_.inside(request.space,
                        [&](Netlink& netlink) { return nothing(netlink.add_neighbour(request.neighbour)); });
}

Result<Nothing> KeeperHandler::handle(const SetSysctl& request, Attachments&) {
  const KnownSpace known = TRY(spaces_.find(request.space));
  if (!known.made) {
    return fail(EPERM,
                "network namespace '" + known.name + "' was not made by this instance: its sysctls stay");
  }
  if (request.key.contains("..") || request.key.starts_with('/')) {
    return fail(EINVAL, "'" + request.key + "' is not the path of a sysctl below /proc/sys/net");
  }
  const NetworkNamespace space = TRY(spaces_.open(request.space));
  return in_namespace(space, [&] { return nothing(write_sysctl(request)); });
}

// ---- the rest ----

Result<Nothing> KeeperHandler::handle(const OpenMonitor&, Attachments& attachments) {
  attachments.replied.push_back(TRY(LinkMonitor::open_socket()));
  return Nothing{};
}

Result<pid_t> KeeperHandler::handle(const RunCommand& request, Attachments& attachments) {
  const std::vector<Fd>& stdio = attachments.received;
  if (stdio.size() != 3) return fail(EINVAL, "a command needs three descriptors");
  const NetworkNamespace space = TRY(spaces_.open(request.space));
  const std::string name = TRY(spaces_.find(request.space)).name;
  Command command =
      TRY(commands_.start(space, name, request.arguments, {stdio[0].get(), stdio[1].get(), stdio[2].get()}));
  attachments.replied.push_back(std::move(command.exit));
  return command.pid;
}

Result<Nothing> KeeperHandler::handle(const Stop&, Attachments&) {
  stopped_ = true;
  return nothing(undo());
}

Result<> KeeperHandler::undo() {
  commands_.end_all();
  auto undone = journal_.undo();
  (void)remove_stale_sockets(journal_.path().parent_path());
  if (!undone) return std::unexpected(std::move(undone).error());
  return {};
}

}  // namespace netkit::host
