#include "host/link_monitor.h"

#include <fcntl.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <utility>

#include "host/netlink_message.h"
#include "host/netlink_socket.h"

namespace netkit::host {
namespace {

LinkGone gone(Nsid space, LinkInfo link, nlmsghdr* message) {
  nlattr* attributes[IFLA_MAX + 1] = {};
  LinkGone event{.space = space, .link = std::move(link), .moved = false, .new_ifindex = {}};
  if (nlmsg_parse(message, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr) < 0) return event;
  event.moved = attributes[IFLA_NEW_NETNSID] != nullptr;
  if (const nlattr* number = attributes[IFLA_NEW_IFINDEX]; number != nullptr)
    event.new_ifindex = nla_get_u32(number);
  return event;
}

std::optional<Nsid> lost_nsid(nlmsghdr* message) {
  nlattr* attributes[NETNSA_MAX + 1] = {};
  if (nlmsg_parse(message, sizeof(rtgenmsg), attributes, NETNSA_MAX, nullptr) < 0) return std::nullopt;
  if (attributes[NETNSA_NSID] == nullptr) return std::nullopt;
  return Nsid{nla_get_s32(attributes[NETNSA_NSID])};
}

void translate(nlmsghdr* message, Nsid space, std::vector<LinkEvent>& events) {
  switch (message->nlmsg_type) {
    case RTM_NEWLINK:
      if (auto link = parse_link(message)) events.emplace_back(LinkChanged{space, *std::move(link)});
      break;
    case RTM_DELLINK:
      if (auto link = parse_link(message)) events.emplace_back(gone(space, *std::move(link), message));
      break;
    case RTM_DELNSID:
      if (const auto nsid = lost_nsid(message)) events.emplace_back(NamespaceGone{*nsid});
      break;
    default:
      break;
  }
}

}  // namespace

Result<Fd> LinkMonitor::open_socket() {
  Fd socket = TRY(open_netlink_socket());
  const int on = 1;
  if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) != 0) {
    return fail_errno("listening to the links of all network namespaces");
  }
  // Bursts of changes (a hundred pods at once) should not overflow; more than the limit is silently cut.
  const int buffer_bytes = 4 << 20;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  for (const int group : {int{RTNLGRP_LINK}, int{RTNLGRP_NSID}}) {
    if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
      return fail_errno("joining an rtnetlink group");
    }
  }
  if (::fcntl(socket.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno("making the monitor non-blocking");
  return socket;
}

Result<> LinkMonitor::read(std::vector<LinkEvent>& events) {
  std::vector<std::uint8_t> buffer(8192);
  for (;;) {
    const auto datagram = receive_datagram(socket_.get(), buffer);
    if (!datagram) {
      const int code = datagram.error().code;
      if (code == EAGAIN) return {};
      if (code != ENOBUFS) return fail(code, "the rtnetlink monitor failed");
      events.emplace_back(EventsLost{});
      continue;
    }
    const Nsid space = Nsid{datagram->nsid.value_or(std::to_underlying(Nsid::kHere))};
    int left = static_cast<int>(datagram->bytes.size());
    auto* message = reinterpret_cast<nlmsghdr*>(datagram->bytes.data());
    for (; nlmsg_ok(message, left) != 0; message = nlmsg_next(message, &left))
      translate(message, space, events);
  }
}

}  // namespace netkit::host
