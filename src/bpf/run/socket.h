// Sockets as programs see them. What a lookup gives is the address of an image with the layout of struct
// bpf_sock, which programs may only read, by its own access table; whose sockets they are (a topology's, an
// embedder's) is the outside's affair.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/endian.h"
#include "bpf/run/regions.h"

namespace netkit::bpf {

// States of TCP (net/tcp_states.h) that helpers ask for.
enum TcpState : std::uint32_t {
  kTcpEstablished = 1,
  kTcpTimeWait = 6,
  kTcpClose = 7,
  kTcpListen = 10,
  kTcpNewSynRecv = 12,
};

// struct bpf_sock. Addresses and dst_port as on the wire, the rest in host order.
struct SockImage {
  std::uint32_t bound_dev_if = 0;
  std::uint32_t family = 0;  // AF_INET, AF_INET6
  std::uint32_t type = 0;    // SOCK_STREAM, SOCK_DGRAM
  std::uint32_t protocol = 0;
  std::uint32_t mark = 0;
  std::uint32_t priority = 0;
  std::uint32_t src_ip4 = 0;
  std::array<std::uint8_t, 16> src_ip6{};
  std::uint32_t src_port = 0;
  Be16 dst_port{};
  std::uint16_t padding = 0;
  std::uint32_t dst_ip4 = 0;
  std::array<std::uint8_t, 16> dst_ip6{};
  std::uint32_t state = kTcpClose;
  std::int32_t rx_queue_mapping = -1;
};
static_assert(sizeof(SockImage) == 80);

// struct bpf_tcp_sock
struct TcpSockImage {
  std::uint32_t snd_cwnd = 0, srtt_us = 0, rtt_min = 0, snd_ssthresh = 0, rcv_nxt = 0, snd_nxt = 0,
                snd_una = 0, mss_cache = 0, ecn_flags = 0, rate_delivered = 0, rate_interval_us = 0,
                packets_out = 0, retrans_out = 0, total_retrans = 0, segs_in = 0, data_segs_in = 0,
                segs_out = 0, data_segs_out = 0, lost_out = 0, sacked_out = 0;
  std::uint64_t bytes_received = 0, bytes_acked = 0;
  std::uint32_t dsack_dups = 0, delivered = 0, delivered_ce = 0, icsk_retransmits = 0;
};
static_assert(sizeof(TcpSockImage) == 112);

inline constexpr std::uint32_t kOverflowUid = 65534;

// One socket, immutable while programs can find it: its owner keeps it until every worker has been quiescent
// after it took it away.
struct Socket {
  SockImage sock;
  TcpSockImage tcp;
  std::uint64_t handle = 0;        // what packet metadata names it by; never 0
  std::uint64_t cookie = 0;        // SO_COOKIE; never 0
  std::uint64_t netns_cookie = 0;  // SO_NETNS_COOKIE of its namespace
  std::uint32_t uid = kOverflowUid;
  std::uint32_t classid = 0;           // net_cls of cgroup v1
  std::vector<std::uint64_t> cgroups;  // ids from the root of the hierarchy down to its own
  bool hashed = true;                  // packets can be assigned to it
  bool ipv6_only = false;
  bool syn_queue_full = false;       // a listener that answers with SYN cookies
  const Socket* listener = nullptr;  // of a request: the socket that listens

  // Neither a connection request nor the rest of a closed connection (sk_fullsock).
  [[nodiscard]] bool is_full() const { return sock.state != kTcpTimeWait && sock.state != kTcpNewSynRecv; }
  // The socket itself, or of a request the one that listens (sk_to_full_sk).
  [[nodiscard]] const Socket* full() const { return sock.state == kTcpNewSynRecv ? listener : this; }
};

// struct bpf_sock_tuple, and where to look.
struct SocketQuery {
  std::uint8_t protocol = 0;             // IPPROTO_TCP, IPPROTO_UDP
  std::uint32_t family = 0;              // AF_INET, AF_INET6
  std::array<std::uint8_t, 16> saddr{};  // network order, IPv4 in the first four bytes; the remote end
  std::array<std::uint8_t, 16> daddr{};  // the socket's end
  Be16 sport{}, dport{};
  std::int32_t netns = -1;  // id of the namespace seen from that of the packet's device; < 0: it
};

// ---- what programs may read of an image ----

struct SockFieldInfo {
  std::uint8_t offset;
  std::uint8_t size;  // bytes
  std::string_view name;
  bool narrow;  // any naturally aligned part of it, else the whole
};
[[nodiscard]] std::span<const SockFieldInfo> sock_fields();      // struct bpf_sock
[[nodiscard]] std::span<const SockFieldInfo> tcp_sock_fields();  // struct bpf_tcp_sock

// Whether a load of `size` bytes at `offset` of an image is valid ("invalid sock access").
[[nodiscard]] bool sock_readable(RegionKind kind, std::uint64_t offset, std::uint32_t size);

}  // namespace netkit::bpf
