// rtnetlink: what this project asks the kernel about links, addresses, routes and neighbours. Each socket
// speaks to the namespace in which it was opened and keeps that namespace alive: open, exchange, close. Links
// of other namespaces can be reached through a namespace id (RTM_NEWNSID) without opening anything inside
// them. Errors carry the kernel's errno and, where there is one, its extended message word for word.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

struct nlmsghdr;

namespace netkit::host {

class NetlinkMessage;

// The number by which the namespace of a socket knows another one (rtnetlink "nsid"); kHere: the socket's
// own.
enum class Nsid : std::int32_t { kHere = -1 };

// Statistics of a link as the kernel counts them (struct rtnl_link_stats64).
struct LinkStats {
  std::uint64_t rx_packets = 0, tx_packets = 0;
  std::uint64_t rx_bytes = 0, tx_bytes = 0;
  std::uint64_t rx_errors = 0, tx_errors = 0;
  std::uint64_t rx_dropped = 0;
  std::uint64_t tx_dropped = 0;  // on a TAP: what its reader never saw (no carrier, full queue)
  friend bool operator==(const LinkStats&, const LinkStats&) = default;
};

struct LinkInfo {
  std::uint32_t ifindex = 0;
  std::string name;
  std::string kind;         // "tun", "veth", ...; empty: none (loopback, a NIC)
  std::uint32_t flags = 0;  // IFF_*
  std::uint32_t mtu = 0;
  MacAddress mac;  // zero where the link has no Ethernet address
  MacAddress broadcast;
  std::uint32_t tx_queue_len = 0;
  std::uint32_t group = 0;
  std::uint32_t gso_max_size = 0;
  std::uint32_t gso_max_segs = 0;
  std::uint8_t operstate = 0;  // IF_OPER_*
  bool carrier = false;
  std::uint32_t link = 0;  // IFLA_LINK (iflink); 0: none
  std::string alias;
  LinkStats stats;

  [[nodiscard]] bool up() const { return (flags & 1U) != 0; }  // IFF_UP
};

// What is to change; what is absent stays. One request, so that a move brings name and number along.
struct LinkChange {
  std::optional<std::string> name = std::nullopt;
  std::optional<std::string> alias = std::nullopt;
  std::optional<std::uint32_t> mtu = std::nullopt;
  std::optional<MacAddress> mac = std::nullopt;
  std::optional<MacAddress> broadcast = std::nullopt;
  std::optional<std::uint32_t> tx_queue_len = std::nullopt;
  std::optional<std::uint32_t> group = std::nullopt;
  std::optional<std::uint32_t> gso_max_size = std::nullopt;
  std::optional<std::uint32_t> gso_max_segs = std::nullopt;
  std::optional<bool> up = std::nullopt;
  std::optional<bool> arp = std::nullopt;
  std::optional<bool> multicast = std::nullopt;
  std::optional<bool> promisc = std::nullopt;
  std::optional<bool> allmulti = std::nullopt;
  std::optional<bool> carrier = std::nullopt;
  std::optional<std::uint32_t> new_ifindex = std::nullopt;  // only together with a move
};

struct Route {
  IpPrefix destination;                             // length 0: default
  std::optional<IpAddress> gateway = std::nullopt;  // absent: on link
  std::optional<IpAddress> source = std::nullopt;   // preferred source address
  std::uint32_t ifindex = 0;
  std::uint32_t metric = 0;  // 0: the kernel's choice
  bool onlink = false;       // the gateway is reachable although no route says so
};

struct Neighbour {
  IpAddress address;
  MacAddress mac;
  std::uint32_t ifindex = 0;
};

// One rtnetlink socket and its exchanges. Not thread-safe.
class Netlink {
 public:
  // In the calling thread's network namespace.
  [[nodiscard]] static Result<Netlink> open();

  // ---- links; `where` is the namespace the link is in ----
  [[nodiscard]] Result<std::vector<LinkInfo>> links(Nsid where = Nsid::kHere);
  [[nodiscard]] Result<LinkInfo> link(std::uint32_t ifindex, Nsid where = Nsid::kHere);
  [[nodiscard]] Result<LinkInfo> link(std::string_view name, Nsid where = Nsid::kHere);
  [[nodiscard]] Result<> delete_link(std::uint32_t ifindex, Nsid where = Nsid::kHere);

  // ---- links of this namespace (the kernel changes no others) ----
  [[nodiscard]] Result<> change_link(std::uint32_t ifindex, const LinkChange& change);
  // Into the namespace of `target_fd`, together with the change (the name there, the number there) in one
  // request. The kernel sets a link down when it moves.
  [[nodiscard]] Result<> move_link(std::uint32_t ifindex, int target_fd, const LinkChange& change);
  // A veth pair, both ends down, the peer in the namespace of `peer_namespace_fd`.
  [[nodiscard]] Result<> make_veth(std::string_view name, std::string_view peer_name, int peer_namespace_fd);

  // ---- addresses, routes, neighbours of this namespace ----
  // IPv6 addresses are added nodad: usable at once.
  [[nodiscard]] Result<> add_address(std::uint32_t ifindex, const IpPrefix& address);
  [[nodiscard]] Result<> delete_address(std::uint32_t ifindex, const IpPrefix& address);
  [[nodiscard]] Result<> add_route(const Route& route);
  [[nodiscard]] Result<> delete_route(const Route& route);
  // A permanent entry; replaces what is there.
  [[nodiscard]] Result<> add_neighbour(const Neighbour& neighbour);

  // ---- namespace ids ----
  // The id by which this namespace knows the other; assigned if there is none yet.
  [[nodiscard]] Result<Nsid> assign_nsid(int namespace_fd);

 private:
  explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
  // Sends a request that is answered by an acknowledgement alone.
  [[nodiscard]] Result<> acknowledge(NetlinkMessage& message);
  // Sends a request and hands every message of the answer to `on_reply`.
  [[nodiscard]] Result<> exchange(NetlinkMessage& message, const std::function<void(nlmsghdr*)>& on_reply);
  [[nodiscard]] Result<LinkInfo> one_link(NetlinkMessage& message);
  [[nodiscard]] Result<std::optional<Nsid>> find_nsid(int namespace_fd);

  Fd socket_;
  std::uint32_t sequence_ = 0;
};

// Reads one RTM_NEWLINK or RTM_DELLINK message. EBADMSG: it is not one.
[[nodiscard]] Result<LinkInfo> parse_link(nlmsghdr* message);

}  // namespace netkit::host
