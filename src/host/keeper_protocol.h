// The closed list of what an engine may ask of its keeper, and how it travels: one datagram per request (the
// request's place in the list, its members) and per reply (an Error, the answer), descriptors beside it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/keeper.h"
#include "host/netlink.h"
#include "host/wire.h"

namespace netkit::host {

struct Nothing {};

struct MakeNamespace {
  using Reply = Space;
  std::string name;
};
struct UseNamespace {
  using Reply = Space;
  std::string label;
  std::string path;
};
struct UseOwnNamespace {
  using Reply = Space;
  std::string label;
};
// The request's descriptor is one of nsfs.
struct FindNamespace {
  using Reply = Space;
};
struct FindNamespaceOfProcess {
  using Reply = Space;
  pid_t process;
};
struct RemoveNamespace {
  using Reply = Nothing;
  Nsid space;
};
// The reply's descriptors are the queues.
struct MakeTap {
  using Reply = LinkInfo;
  TapRequest tap;
};
struct MakeVeth {
  using Reply = Nothing;
  Nsid space;
  std::string name;
  Nsid peer_space;
  std::string peer_name;
};
struct ChangeLink {
  using Reply = Nothing;
  Nsid space;
  std::uint32_t ifindex;
  LinkChange change;
};
struct MoveLink {
  using Reply = Nothing;
  Nsid space;
  std::uint32_t ifindex;
  Nsid target;
  LinkChange change;
};
struct DeleteLink {
  using Reply = Nothing;
  Nsid space;
  std::uint32_t ifindex;
};
struct LinkByIndex {
  using Reply = LinkInfo;
  Nsid space;
  std::uint32_t ifindex;
};
struct LinkByName {
  using Reply = LinkInfo;
  Nsid space;
  std::string name;
};
// Links with a greater number than `after`, in order, as many as fit a datagram; an empty answer ends the
// dump.
struct LinksAfter {
  using Reply = std::vector<LinkInfo>;
  Nsid space;
  std::uint32_t after;
};
// The request's descriptor is a queue of the TAP; so in the three that follow.
struct LocateTap {
  using Reply = Location;
};
struct ChangeTap {
  using Reply = Location;
  LinkChange change;
};
struct MoveTap {
  using Reply = Location;
  Nsid target;
  std::string name;
};
struct DeleteTap {
  using Reply = Nothing;
};
struct AddAddress {
  using Reply = Nothing;
  Nsid space;
  std::uint32_t ifindex;
  IpPrefix address;
};
struct AddRoute {
  using Reply = Nothing;
  Nsid space;
  Route route;
};
struct AddNeighbour {
  using Reply = Nothing;
  Nsid space;
  Neighbour neighbour;
};
struct SetSysctl {
  using Reply = Nothing;
  Nsid space;
  std::string key;
  std::string value;
};
// The reply's descriptor is the socket.
struct OpenMonitor {
  using Reply = Nothing;
};
// The request's descriptors are standard input, output and error, the reply's is Command::exit.
struct RunCommand {
  using Reply = pid_t;
  Nsid space;
  std::vector<std::string> arguments;
};
struct Stop {
  using Reply = Nothing;
};

using KeeperRequest =
    std::variant<MakeNamespace, UseNamespace, UseOwnNamespace, FindNamespace, FindNamespaceOfProcess,
                 RemoveNamespace, MakeTap, MakeVeth, ChangeLink, MoveLink, DeleteLink, LinkByIndex,
                 LinkByName, LinksAfter, LocateTap, ChangeTap, MoveTap, DeleteTap, AddAddress, AddRoute,
                 AddNeighbour, SetSysctl, OpenMonitor, RunCommand, Stop>;

// ---- members of everything that is more than plain bytes, for the wire ----
auto members(Maybe<LinkInfo> auto& link) {
  return std::tie(link.ifindex, link.name, link.kind, link.flags, link.mtu, link.mac, link.broadcast,
                  link.tx_queue_len, link.group, link.gso_max_size, link.gso_max_segs, link.operstate,
                  link.carrier, link.link, link.alias, link.stats);
}
auto members(Maybe<LinkChange> auto& change) {
  return std::tie(change.name, change.alias, change.mtu, change.mac, change.broadcast, change.tx_queue_len,
                  change.group, change.gso_max_size, change.gso_max_segs, change.up, change.arp,
                  change.multicast, change.promisc, change.allmulti, change.carrier, change.new_ifindex);
}
auto members(Maybe<Space> auto& space) {
  return std::tie(space.nsid, space.identity, space.name);
}
auto members(Maybe<Location> auto& location) {
  return std::tie(location.space, location.link);
}
auto members(Maybe<TapRequest> auto& tap) {
  return std::tie(tap.space, tap.name, tap.ifindex, tap.queues, tap.mac, tap.mtu, tap.alias, tap.arp);
}
auto members(Maybe<MakeNamespace> auto& r) {
  return std::tie(r.name);
}
auto members(Maybe<UseNamespace> auto& r) {
  return std::tie(r.label, r.path);
}
auto members(Maybe<UseOwnNamespace> auto& r) {
  return std::tie(r.label);
}
auto members(Maybe<MakeTap> auto& r) {
  return std::tie(r.tap);
}
auto members(Maybe<MakeVeth> auto& r) {
  return std::tie(r.space, r.name, r.peer_space, r.peer_name);
}
auto members(Maybe<ChangeLink> auto& r) {
  return std::tie(r.space, r.ifindex, r.change);
}
auto members(Maybe<MoveLink> auto& r) {
  return std::tie(r.space, r.ifindex, r.target, r.change);
}
auto members(Maybe<ChangeTap> auto& r) {
  return std::tie(r.change);
}
auto members(Maybe<MoveTap> auto& r) {
  return std::tie(r.target, r.name);
}
auto members(Maybe<LinkByName> auto& r) {
  return std::tie(r.space, r.name);
}
auto members(Maybe<SetSysctl> auto& r) {
  return std::tie(r.space, r.key, r.value);
}
auto members(Maybe<RunCommand> auto& r) {
  return std::tie(r.space, r.arguments);
}

// ---- datagrams with descriptors ----
inline constexpr std::size_t kMaxDatagram = 128UL * 1024;

struct Datagram {
  std::vector<std::uint8_t> bytes;  // empty: the other end has closed
  std::vector<Fd> fds;
};
[[nodiscard]] Result<> send_datagram(int socket, std::span<const std::uint8_t> bytes,
                                     std::span<const int> fds);
[[nodiscard]] Result<Datagram> receive_datagram(int socket);

}  // namespace netkit::host
