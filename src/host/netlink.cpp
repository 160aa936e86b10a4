#include "host/netlink.h"

#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "host/netlink_message.h"
#include "host/netlink_socket.h"

namespace netkit::host {
namespace {

ifinfomsg link_header(std::uint32_t ifindex = 0) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(ifindex);
  return header;
}

void set_flag(ifinfomsg& header, unsigned flag, std::optional<bool> on) {
  if (!on) return;
  header.ifi_change |= flag;
  if (*on) header.ifi_flags |= flag;
}

NetlinkMessage change_message(std::uint32_t ifindex, const LinkChange& change) {
  ifinfomsg header = link_header(ifindex);
  set_flag(header, IFF_UP, change.up);
  if (change.arp) set_flag(header, IFF_NOARP, !*change.arp);
  set_flag(header, IFF_MULTICAST, change.multicast);
  set_flag(header, IFF_PROMISC, change.promisc);
  set_flag(header, IFF_ALLMULTI, change.allmulti);
  NetlinkMessage message(RTM_SETLINK, NLM_F_REQUEST | NLM_F_ACK, header);
  if (change.name) message.put(IFLA_IFNAME, *change.name);
  if (change.alias) message.put(IFLA_IFALIAS, *change.alias);
  if (change.mtu) message.put(IFLA_MTU, *change.mtu);
  if (change.mac) message.put(IFLA_ADDRESS, change.mac->bytes);
  if (change.broadcast) message.put(IFLA_BROADCAST, change.broadcast->bytes);
  if (change.tx_queue_len) message.put(IFLA_TXQLEN, *change.tx_queue_len);
  if (change.group) message.put(IFLA_GROUP, *change.group);
  if (change.gso_max_size) message.put(IFLA_GSO_MAX_SIZE, *change.gso_max_size);
  if (change.gso_max_segs) message.put(IFLA_GSO_MAX_SEGS, *change.gso_max_segs);
  if (change.carrier) message.put(IFLA_CARRIER, std::uint8_t{*change.carrier});
  if (change.new_ifindex) message.put(IFLA_NEW_IFINDEX, *change.new_ifindex);
  return message;
}

// Only names a place other than the socket's own: kernels before 4.15 do not know the attribute.
void put_place(NetlinkMessage& message, Nsid where) {
  if (where != Nsid::kHere) message.put(IFLA_TARGET_NETNSID, static_cast<std::int32_t>(where));
}

NetlinkMessage address_message(std::uint16_t type, unsigned flags, std::uint32_t ifindex,
                               const IpPrefix& address) {
  ifaddrmsg header{};
  header.ifa_family = address.address.is_v6() ? AF_INET6 : AF_INET;
  header.ifa_prefixlen = address.length;
  header.ifa_flags = address.address.is_v6() ? IFA_F_NODAD : 0;
  header.ifa_index = ifindex;
  NetlinkMessage message(type, NLM_F_REQUEST | NLM_F_ACK | flags, header);
  message.put(IFA_LOCAL, address.address.bytes()).put(IFA_ADDRESS, address.address.bytes());
  return message;
}

// The kernel refuses host bits in a destination.
IpAddress network_of(const IpPrefix& prefix) {
  IpAddress network = prefix.address;
  for (unsigned bit = prefix.length; bit < network.bits(); ++bit) {
    network.storage[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  }
  return network;
}

void put_gateway(NetlinkMessage& message, const IpAddress& gateway, IpFamily route_family) {
  if (gateway.family == route_family) {
    message.put(RTA_GATEWAY, gateway.bytes());
    return;
  }
  const std::uint16_t family = gateway.is_v6() ? AF_INET6 : AF_INET;
  std::vector<std::uint8_t> via(sizeof family);
  std::memcpy(via.data(), &family, sizeof family);
  via.insert(via.end(), gateway.bytes().begin(), gateway.bytes().end());
  message.put(RTA_VIA, via);
}

NetlinkMessage route_message(std::uint16_t type, unsigned flags, const Route& route) {
  const IpAddress& destination = route.destination.address;
  rtmsg header{};
  header.rtm_family = destination.is_v6() ? AF_INET6 : AF_INET;
  header.rtm_dst_len = route.destination.length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = route.gateway || destination.is_v6() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  header.rtm_flags = route.onlink ? RTNH_F_ONLINK : 0;
  NetlinkMessage message(type, NLM_F_REQUEST | NLM_F_ACK | flags, header);
  if (route.destination.length > 0) message.put(RTA_DST, network_of(route.destination).bytes());
  if (route.gateway) put_gateway(message, *route.gateway, destination.family);
  if (route.source) message.put(RTA_PREFSRC, route.source->bytes());
  if (route.ifindex != 0) message.put(RTA_OIF, route.ifindex);
  if (route.metric != 0) message.put(RTA_PRIORITY, route.metric);
  return message;
}

std::string text_of(const nlattr* attribute) {
  return attribute != nullptr ? nla_get_string(attribute) : "";
}

std::uint32_t number_of(const nlattr* attribute) {
  return attribute != nullptr ? nla_get_u32(attribute) : 0;
}

std::uint8_t byte_of(const nlattr* attribute) {
  return attribute != nullptr ? nla_get_u8(attribute) : 0;
}

std::string kind_of(nlattr* link_info) {
  nlattr* attributes[IFLA_INFO_MAX + 1] = {};
  if (link_info == nullptr || nla_parse_nested(attributes, IFLA_INFO_MAX, link_info, nullptr) < 0) return {};
  return text_of(attributes[IFLA_INFO_KIND]);
}

MacAddress mac_of(const nlattr* attribute) {
  MacAddress mac;
  if (attribute != nullptr && nla_len(attribute) == static_cast<int>(mac.bytes.size())) {
    std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
  }
  return mac;
}

LinkStats stats_of(const nlattr* attribute) {
  rtnl_link_stats64 kernel{};
  // Kernels append members: take what both know.
  if (attribute != nullptr) {
    std::memcpy(&kernel, nla_data(attribute),
                std::min(sizeof kernel, static_cast<std::size_t>(nla_len(attribute))));
  }
  return {.rx_packets = kernel.rx_packets,
          .tx_packets = kernel.tx_packets,
          .rx_bytes = kernel.rx_bytes,
          .tx_bytes = kernel.tx_bytes,
          .rx_errors = kernel.rx_errors,
          .tx_errors = kernel.tx_errors,
          .rx_dropped = kernel.rx_dropped,
          .tx_dropped = kernel.tx_dropped};
}

}  // namespace

Result<LinkInfo> parse_link(nlmsghdr* message) {
  const bool is_link = message->nlmsg_type == RTM_NEWLINK || message->nlmsg_type == RTM_DELLINK;
  nlattr* attributes[IFLA_MAX + 1] = {};
  if (!is_link || nlmsg_parse(message, sizeof(ifinfomsg), attributes, IFLA_MAX, nullptr) < 0) {
    return fail(EBADMSG, "not a link message");
  }
  ifinfomsg header{};
  std::memcpy(&header, nlmsg_data(message), sizeof header);
  return LinkInfo{.ifindex = static_cast<std::uint32_t>(header.ifi_index),
                  .name = text_of(attributes[IFLA_IFNAME]),
                  .kind = kind_of(attributes[IFLA_LINKINFO]),
                  .flags = header.ifi_flags,
                  .mtu = number_of(attributes[IFLA_MTU]),
                  .mac = mac_of(attributes[IFLA_ADDRESS]),
                  .broadcast = mac_of(attributes[IFLA_BROADCAST]),
                  .tx_queue_len = number_of(attributes[IFLA_TXQLEN]),
                  .group = number_of(attributes[IFLA_GROUP]),
                  .gso_max_size = number_of(attributes[IFLA_GSO_MAX_SIZE]),
                  .gso_max_segs = number_of(attributes[IFLA_GSO_MAX_SEGS]),
                  .operstate = byte_of(attributes[IFLA_OPERSTATE]),
                  .carrier = byte_of(attributes[IFLA_CARRIER]) != 0,
                  .link = number_of(attributes[IFLA_LINK]),
                  .alias = text_of(attributes[IFLA_IFALIAS]),
                  .stats = stats_of(attributes[IFLA_STATS64])};
}

Result<Netlink> Netlink::open() {
  return Netlink(TRY(open_netlink_socket()));
}

Result<> Netlink::exchange(NetlinkMessage& message, const std::function<void(nlmsghdr*)>& on_reply) {
  nlmsghdr* request = message.header();
  request->nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), request, request->nlmsg_len, 0) < 0)
    return fail_errno("sending an rtnetlink request");
  constexpr std::size_t kFirstBuffer = 8192;
  std::vector<std::uint8_t> buffer(kFirstBuffer);
  for (;;) {
    const NetlinkDatagram datagram = TRY(receive_datagram(socket_.get(), buffer));
    int left = static_cast<int>(datagram.bytes.size());
    auto* reply = reinterpret_cast<nlmsghdr*>(datagram.bytes.data());
    for (; nlmsg_ok(reply, left) != 0; reply = nlmsg_next(reply, &left)) {
      if (reply->nlmsg_seq != sequence_) continue;  // of an exchange that ended early
      if (reply->nlmsg_type == NLMSG_ERROR || reply->nlmsg_type == NLMSG_DONE)
        return read_acknowledgement(reply);
      on_reply(reply);
    }
  }
}

Result<> Netlink::acknowledge(NetlinkMessage& message) {
  return exchange(message, [](nlmsghdr*) {});
}

Result<std::vector<LinkInfo>> Netlink::links(Nsid where) {
  NetlinkMessage message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, link_header());
  put_place(message, where);
  std::vector<LinkInfo> links;
  TRY(exchange(message, [&](nlmsghdr* reply) {
    if (auto link = parse_link(reply)) links.push_back(*std::move(link));
  }));
  return links;
}

Result<LinkInfo> Netlink::one_link(NetlinkMessage& message) {
  Result<LinkInfo> found = fail(ENODEV, "the kernel answered without a link");
  TRY(exchange(message, [&](nlmsghdr* reply) { found = parse_link(reply); }));
  return found;
}

Result<LinkInfo> Netlink::link(std::uint32_t ifindex, Nsid where) {
  NetlinkMessage message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, link_header(ifindex));
  put_place(message, where);
  return one_link(message);
}

Result<LinkInfo> Netlink::link(std::string_view name, Nsid where) {
  NetlinkMessage message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK, link_header());
  put_place(message, where);
  message.put(IFLA_IFNAME, name);
  return one_link(message);
}

Result<> Netlink::delete_link(std::uint32_t ifindex, Nsid where) {
  NetlinkMessage message(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, link_header(ifindex));
  put_place(message, where);
  return acknowledge(message);
}

Result<> Netlink::change_link(std::uint32_t ifindex, const LinkChange& change) {
  NetlinkMessage message = change_message(ifindex, change);
  return acknowledge(message);
}

Result<> Netlink::move_link(std::uint32_t ifindex, int target_fd, const LinkChange& change) {
  NetlinkMessage message = change_message(ifindex, change);
  message.put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(target_fd));
  return acknowledge(message);
}

Result<> Netlink::make_veth(std::string_view name, std::string_view peer_name, int peer_namespace_fd) {
  NetlinkMessage message(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_header());
  message.put(IFLA_IFNAME, name).nest(IFLA_LINKINFO, [&](NetlinkMessage& info) {
    info.put(IFLA_INFO_KIND, std::string_view("veth")).nest(IFLA_INFO_DATA, [&](NetlinkMessage& data) {
      data.nest(VETH_INFO_PEER, [&](NetlinkMessage& peer) {
        peer.append(link_header())
            .put(IFLA_IFNAME, peer_name)
            .put(IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace_fd));
      });
    });
  });
  return acknowledge(message);
}

Result<> Netlink::add_address(std::uint32_t ifindex, const IpPrefix& address) {
  NetlinkMessage message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, address);
  return acknowledge(message);
}

Result<> Netlink::delete_address(std::uint32_t ifindex, const IpPrefix& address) {
  NetlinkMessage message = address_message(RTM_DELADDR, 0, ifindex, address);
  return acknowledge(message);
}

Result<> Netlink::add_route(const Route& route) {
  NetlinkMessage message = route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  return acknowledge(message);
}

Result<> Netlink::delete_route(const Route& route) {
  NetlinkMessage message = route_message(RTM_DELROUTE, 0, route);
  return acknowledge(message);
}

Result<> Netlink::add_neighbour(const Neighbour& neighbour) {
  ndmsg header{};
  header.ndm_family = neighbour.address.is_v6() ? AF_INET6 : AF_INET;
  header.ndm_ifindex = static_cast<int>(neighbour.ifindex);
  header.ndm_state = NUD_PERMANENT;
  NetlinkMessage message(RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, header);
  message.put(NDA_DST, neighbour.address.bytes()).put(NDA_LLADDR, neighbour.mac.bytes);
  return acknowledge(message);
}

Result<std::optional<Nsid>> Netlink::find_nsid(int namespace_fd) {
  NetlinkMessage message(RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, rtgenmsg{AF_UNSPEC});
  message.put(NETNSA_FD, static_cast<std::uint32_t>(namespace_fd));
  std::optional<Nsid> found;
  TRY(exchange(message, [&](nlmsghdr* reply) {
    nlattr* attributes[NETNSA_MAX + 1] = {};
    if (nlmsg_parse(reply, sizeof(rtgenmsg), attributes, NETNSA_MAX, nullptr) < 0) return;
    const nlattr* nsid = attributes[NETNSA_NSID];
    if (nsid != nullptr && nla_get_s32(nsid) >= 0) found = Nsid{nla_get_s32(nsid)};
  }));
  return found;
}

Result<Nsid> Netlink::assign_nsid(int namespace_fd) {
  if (const auto known = TRY(find_nsid(namespace_fd))) return *known;
  NetlinkMessage message(RTM_NEWNSID, NLM_F_REQUEST | NLM_F_ACK, rtgenmsg{AF_UNSPEC});
  message.put(NETNSA_FD, static_cast<std::uint32_t>(namespace_fd)).put(NETNSA_NSID, std::int32_t{-1});
  // EEXIST: somebody else has just given it one.
  if (auto made = acknowledge(message); !made && made.error().code != EEXIST)
    return std::unexpected(made.error());
  const auto assigned = TRY(find_nsid(namespace_fd));
  if (!assigned) return fail(ENOENT, "the kernel gave the network namespace no id");
  return *assigned;
}

}  // namespace netkit::host
