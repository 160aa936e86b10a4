// The transport under rtnetlink: sockets, receiving whole datagrams, what an error message says.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

struct nlmsghdr;

namespace netkit::host {

// An rtnetlink socket in the calling thread's namespace, with extended acknowledgements.
[[nodiscard]] Result<Fd> open_netlink_socket();

// One datagram and the namespace id it is marked with (only with NETLINK_LISTEN_ALL_NSID).
struct NetlinkDatagram {
  std::span<std::uint8_t> bytes;
  std::optional<std::int32_t> nsid;
};

// Receives into `buffer`, which grows as needed. EAGAIN: nothing there (non-blocking sockets); ENOBUFS:
// messages were lost.
[[nodiscard]] Result<NetlinkDatagram> receive_datagram(int socket, std::vector<std::uint8_t>& buffer);

// What an NLMSG_ERROR or NLMSG_DONE message says: success, or the kernel's errno and extended text.
[[nodiscard]] Result<> read_acknowledgement(nlmsghdr* message);

}  // namespace netkit::host
