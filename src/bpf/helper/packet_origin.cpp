// Where a packet comes from: the socket that sent it and whose that is, its route, its IPsec state. What a
// packet without socket answers is what all packets answer when nobody provides sockets.
#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/run/skb.h"
#include "bpf/run/socket.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kInitialNetnsCookie = 1;

// The full socket of the packet (skb_to_full_sk and sk_fullsock), or null.
const Socket* full_socket(const RunContext& run) {
  const Socket* socket = packet_socket(run);
  const Socket* full = socket != nullptr ? socket->full() : nullptr;
  return full != nullptr && full->is_full() ? full : nullptr;
}

std::uint64_t get_socket_cookie(RunContext& run, ContextPointer) {
  const Socket* socket = packet_socket(run);
  return socket != nullptr ? socket->cookie : 0;
}

std::uint32_t get_socket_uid(RunContext& run, ContextPointer) {
  const Socket* socket = full_socket(run);
  return socket != nullptr ? socket->uid : kOverflowUid;
}

std::uint64_t get_netns_cookie(RunContext& run, std::uint64_t context) {
  const Socket* socket = context != 0 ? packet_socket(run) : nullptr;
  return socket != nullptr ? socket->netns_cookie : kInitialNetnsCookie;
}

std::uint32_t cgroup_classid(RunContext& run, ContextPointer) {
  const Socket* socket = full_socket(run);
  return socket != nullptr ? socket->classid : 0;
}

std::uint64_t skb_cgroup_id(RunContext& run, ContextPointer) {
  const Socket* socket = full_socket(run);
  return socket != nullptr && !socket->cgroups.empty() ? socket->cgroups.back() : 0;
}

std::uint64_t skb_ancestor_cgroup_id(RunContext& run, ContextPointer, std::int32_t level) {
  const Socket* socket = full_socket(run);
  if (socket == nullptr || level < 0 || static_cast<std::size_t>(level) >= socket->cgroups.size()) return 0;
  return socket->cgroups[static_cast<std::size_t>(level)];
}

// Packets here have no route of the kernel's.
std::uint32_t get_route_realm(RunContext&, ContextPointer) {
  return 0;
}

// Nor have they been through IPsec.
std::int64_t skb_get_xfrm_state(RunContext&, ContextPointer, std::uint32_t, std::uint8_t* to,
                                std::uint32_t size, std::uint64_t) {
  std::memset(to, 0, size);
  return -EINVAL;
}

constexpr Contract kOfPacket = {.arguments = {Arg::kContext}};

constexpr Helper kHelpers[] = {
    {.number = 17,
     .name = "get_cgroup_classid",
     .contract = kOfPacket,
     .function = helper_call<cgroup_classid>},
    {.number = 24,
     .name = "get_route_realm",
     .contract = kOfPacket,
     .function = helper_call<get_route_realm>},
    {.number = 46,
     .name = "get_socket_cookie",
     .contract = kOfPacket,
     .function = helper_call<get_socket_cookie>},
    {.number = 47, .name = "get_socket_uid", .contract = kOfPacket, .function = helper_call<get_socket_uid>},
    {.number = 66,
     .name = "skb_get_xfrm_state",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kOutMem, Arg::kSize, Arg::kAnything}},
     .function = helper_call<skb_get_xfrm_state>},
    {.number = 79, .name = "skb_cgroup_id", .contract = kOfPacket, .function = helper_call<skb_cgroup_id>},
    {.number = 83,
     .name = "skb_ancestor_cgroup_id",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}},
     .function = helper_call<skb_ancestor_cgroup_id>},
    {.number = 122,
     .name = "get_netns_cookie",
     .contract = {.arguments = {Arg::kContextOrNull}},
     .function = helper_call<get_netns_cookie>},
    {.number = 151,
     .name = "skb_cgroup_classid",
     .contract = kOfPacket,
     .function = helper_call<cgroup_classid>},
};

}  // namespace

std::span<const Helper> packet_origin_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
