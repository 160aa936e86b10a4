#include "host/netlink_socket.h"

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>

namespace netkit::host {
namespace {

std::string extended_text(nlmsghdr* message, int fixed) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  nlattr* attributes[NLMSGERR_ATTR_MAX + 1] = {};
  if (nlmsg_parse(message, fixed, attributes, NLMSGERR_ATTR_MAX, nullptr) < 0) return {};
  const nlattr* text = attributes[NLMSGERR_ATTR_MSG];
  return text != nullptr ? nla_get_string(text) : "";
}

}  // namespace

Result<Fd> open_netlink_socket() {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return fail_errno("opening an rtnetlink socket");
  const int on = 1;
  // Both only make errors more readable: a kernel without them is as good.
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno("binding an rtnetlink socket");
  }
  return socket;
}

Result<NetlinkDatagram> receive_datagram(int socket, std::vector<std::uint8_t>& buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(std::int32_t))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail(errno);
  if (buffer.size() < static_cast<std::size_t>(size)) buffer.resize(static_cast<std::size_t>(size));
  part = {buffer.data(), buffer.size()};
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  size = ::recvmsg(socket, &header, 0);
  if (size < 0) return fail(errno);
  NetlinkDatagram datagram{{buffer.data(), static_cast<std::size_t>(size)}, std::nullopt};
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_NETLINK || item->cmsg_type != NETLINK_LISTEN_ALL_NSID) continue;
    std::int32_t nsid = 0;
    std::memcpy(&nsid, CMSG_DATA(item), sizeof nsid);
    datagram.nsid = nsid;
  }
  return datagram;
}

Result<> read_acknowledgement(nlmsghdr* message) {
  const bool done = message->nlmsg_type == NLMSG_DONE;
  int code = 0;
  const int fixed = static_cast<int>(done ? sizeof code : sizeof(nlmsgerr));
  if (nlmsg_datalen(message) < fixed)
    return done ? Result<>{} : fail(EBADMSG, "truncated netlink error message");
  std::memcpy(&code, nlmsg_data(message), sizeof code);
  if (code == 0) return {};
  return fail(-code, extended_text(message, fixed));
}

}  // namespace netkit::host
