// Hears what happens to links in every namespace that has an id, over one rtnetlink socket.
//
// Theory of operation. The socket was opened in the keeper's namespace with NETLINK_LISTEN_ALL_NSID and is in
// the groups LINK and NSID; it pins that namespace alone. The kernel marks each message with the id of the
// namespace it comes from. When a namespace dies its id is taken away first, so the links in it go without a
// word: NamespaceGone stands for all of them. If messages were lost (ENOBUFS) the listener gets EventsLost
// and asks for a dump of every namespace (Keeper::links).
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/netlink.h"

namespace netkit::host {

// New, or anything about it changed (name, flags, MTU, MAC, carrier).
struct LinkChanged {
  Nsid space = Nsid::kHere;
  LinkInfo link;
};
// Deleted, or moved to another namespace; `link` is its last state, statistics included. Where it went the
// kernel says only in ids of the namespace that it left: Keeper::locate finds it.
struct LinkGone {
  Nsid space = Nsid::kHere;
  LinkInfo link;
  bool moved = false;
  std::optional<std::uint32_t> new_ifindex;  // in its new namespace
};
struct NamespaceGone {
  Nsid space = Nsid::kHere;
};
// The socket's buffer overflowed: the state of everything must be read anew.
struct EventsLost {};

using LinkEvent = std::variant<LinkChanged, LinkGone, NamespaceGone, EventsLost>;

class LinkMonitor {
 public:
  // Opens the socket in the calling thread's namespace; needs CAP_NET_BROADCAST.
  [[nodiscard]] static Result<Fd> open_socket();

  // `socket` as open_socket made it, here or in the keeper.
  explicit LinkMonitor(Fd socket) : socket_(std::move(socket)) {}

  // Readable when there are events.
  [[nodiscard]] int poll_fd() const { return socket_.get(); }
  // Appends all events that are there; does not block. An error means that the socket is of no use any more.
  [[nodiscard]] Result<> read(std::vector<LinkEvent>& events);

 private:
  Fd socket_;
};

}  // namespace netkit::host
