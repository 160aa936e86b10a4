// Sockets: lookups, casts, assignment and release. A socket stays as it is for the whole run, so a reference
// is only what the program owes; a program that releases one can read it no more.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/socket_access.h"
#include "bpf/run/skb.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kTuple4 = 12;  // sizeof(bpf_sock_tuple.ipv4)
constexpr std::uint32_t kTuple6 = 36;  // sizeof(bpf_sock_tuple.ipv6)

// Addresses, then ports.
SocketQuery read_tuple(const std::uint8_t* tuple, std::uint32_t size, std::uint8_t protocol,
                       std::int32_t netns) {
  const std::size_t address = size == kTuple4 ? 4 : 16;
  SocketQuery query{.protocol = protocol,
                    .family = static_cast<std::uint32_t>(size == kTuple4 ? AF_INET : AF_INET6),
                    .netns = netns};
  std::memcpy(query.saddr.data(), tuple, address);
  std::memcpy(query.daddr.data(), tuple + address, address);
  query.sport = load_unaligned<Be16>(tuple + 2 * address);
  query.dport = load_unaligned<Be16>(tuple + 2 * address + 2);
  return query;
}

// __bpf_skc_lookup
const Socket* find_socket(RunContext& run, const std::uint8_t* tuple, std::uint32_t size,
                          std::uint8_t protocol, std::uint64_t netns, std::uint64_t flags) {
  if (size != kTuple4 && size != kTuple6) return nullptr;
  const auto id = static_cast<std::int32_t>(netns);
  if (flags != 0 || (id >= 0 && netns > 0x7fff'ffff)) return nullptr;
  const Outside& outside = *run.outside;
  if (outside.find_socket == nullptr) return nullptr;
  return outside.find_socket(outside.self, run, read_tuple(tuple, size, protocol, id));
}

// The program owes its release.
std::uint64_t acquire(RunContext& run, const Socket* socket) {
  const std::uint64_t address = hand_out_socket(run, socket);
  if (address != 0) run.references.acquire({.kind = ReferenceKind::kSocket, .value = address});
  return address;
}

std::uint64_t skc_lookup_tcp(RunContext& run, ContextPointer, const std::uint8_t* tuple, std::uint32_t size,
                             std::uint64_t netns, std::uint64_t flags) {
  return acquire(run, find_socket(run, tuple, size, IPPROTO_TCP, netns, flags));
}

// Full sockets only: of a request the one that listens (bpf_sk_lookup).
std::uint64_t sk_lookup(RunContext& run, const std::uint8_t* tuple, std::uint32_t size, std::uint8_t protocol,
                        std::uint64_t netns, std::uint64_t flags) {
  const Socket* found = find_socket(run, tuple, size, protocol, netns, flags);
  const Socket* full = found != nullptr ? found->full() : nullptr;
  return full != nullptr && full->is_full() ? acquire(run, full) : 0;
}
std::uint64_t sk_lookup_tcp(RunContext& run, ContextPointer, const std::uint8_t* tuple, std::uint32_t size,
                            std::uint64_t netns, std::uint64_t flags) {
  return sk_lookup(run, tuple, size, IPPROTO_TCP, netns, flags);
}
std::uint64_t sk_lookup_udp(RunContext& run, ContextPointer, const std::uint8_t* tuple, std::uint32_t size,
                            std::uint64_t netns, std::uint64_t flags) {
  return sk_lookup(run, tuple, size, IPPROTO_UDP, netns, flags);
}

std::int64_t sk_release(RunContext& run, std::uint64_t address) {
  const Socket* socket = socket_at(run, address);
  const auto value = reinterpret_cast<std::uint64_t>(socket);
  if (!run.references.drop(ReferenceKind::kSocket, value)) {
    run.refuse("bpf_sk_release of a socket to which the program holds no reference");
    return 0;
  }
  const bool still_there =
      run.references.find(ReferenceKind::kSocket, value) != nullptr || packet_socket(run) == socket;
  if (still_there) return 0;
  run.regions.take_back(value);
  run.regions.take_back(reinterpret_cast<std::uint64_t>(&socket->tcp));
  return 0;
}

std::uint64_t sk_fullsock(RunContext& run, std::uint64_t address) {
  const Socket* socket = socket_at(run, address);
  return socket->is_full() ? hand_out_socket(run, socket) : 0;
}

std::uint64_t tcp_sock(RunContext& run, std::uint64_t address) {
  const Socket* socket = socket_at(run, address);
  const bool is_tcp = socket->is_full() && socket->sock.protocol == IPPROTO_TCP;
  return is_tcp ? hand_out_tcp_socket(run, socket) : 0;
}

std::uint64_t get_listener_sock(RunContext& run, std::uint64_t address) {
  const Socket* socket = socket_at(run, address)->full();
  return socket != nullptr && socket->sock.state == kTcpListen ? hand_out_socket(run, socket) : 0;
}

std::int64_t sk_assign(RunContext& run, ContextPointer, std::uint64_t address, std::uint64_t flags) {
  const Socket* socket = socket_at(run, address);
  if (flags != 0) return -EINVAL;
  PacketMeta& meta = run.packet->meta;
  if (!meta.at_ingress) return -EOPNOTSUPP;
  const Outside& outside = *run.outside;
  if (outside.netns_cookie != nullptr && outside.netns_cookie(outside.self, run) != socket->netns_cookie)
    return -ENETUNREACH;
  if (!socket->hashed) return -EOPNOTSUPP;
  meta.socket = socket->handle;
  return 0;
}

// The kernel's own form of a socket (struct tcp_sock and the like): our sockets are none of the kernel's, so
// the cast finds that this one is of another kind.
std::uint64_t skc_to_kernel_socket(RunContext&, std::uint64_t) {
  return 0;
}

constexpr Contract kLookup = {
    .arguments = {Arg::kContext, Arg::kPacketMem, Arg::kSize, Arg::kAnything, Arg::kAnything},
    .result = Return::kSocketOrNull,
    .effects = kAcquires};
constexpr Contract kLookupCommon = {
    .arguments = {Arg::kContext, Arg::kPacketMem, Arg::kSize, Arg::kAnything, Arg::kAnything},
    .result = Return::kSockCommonOrNull,
    .effects = kAcquires};
constexpr Contract kCast = {
    .arguments = {Arg::kSocket}, .result = Return::kMemoryOrNull, .effects = kNeedsPerfmon};

constexpr Helper kHelpers[] = {
    {.number = 84, .name = "sk_lookup_tcp", .contract = kLookup, .function = helper_call<sk_lookup_tcp>},
    {.number = 85, .name = "sk_lookup_udp", .contract = kLookup, .function = helper_call<sk_lookup_udp>},
    {.number = 86,
     .name = "sk_release",
     .contract = {.arguments = {Arg::kSocket}, .effects = kReleases},
     .function = helper_call<sk_release>},
    {.number = 95,
     .name = "sk_fullsock",
     .contract = {.arguments = {Arg::kSocket}, .result = Return::kSocketOrNull},
     .function = helper_call<sk_fullsock>},
    {.number = 96,
     .name = "tcp_sock",
     .contract = {.arguments = {Arg::kSocket}, .result = Return::kTcpSocketOrNull},
     .function = helper_call<tcp_sock>},
    {.number = 98,
     .name = "get_listener_sock",
     .contract = {.arguments = {Arg::kSocket}, .result = Return::kSocketOrNull},
     .function = helper_call<get_listener_sock>},
    {.number = 99,
     .name = "skc_lookup_tcp",
     .contract = kLookupCommon,
     .function = helper_call<skc_lookup_tcp>},
    {.number = 124,
     .name = "sk_assign",
     .contract = {.arguments = {Arg::kContext, Arg::kSocket, Arg::kAnything}},
     .function = helper_call<sk_assign>},
    {.number = 136,
     .name = "skc_to_tcp6_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 137,
     .name = "skc_to_tcp_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 138,
     .name = "skc_to_tcp_timewait_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 139,
     .name = "skc_to_tcp_request_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 140,
     .name = "skc_to_udp6_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 178,
     .name = "skc_to_unix_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
    {.number = 196,
     .name = "skc_to_mptcp_sock",
     .contract = kCast,
     .function = helper_call<skc_to_kernel_socket>},
};

}  // namespace

std::span<const Helper> socket_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
