#include "bpf/run/socket.h"

#include <algorithm>

namespace netkit::bpf {
namespace {

// bpf_sock_is_valid_access
constexpr SockFieldInfo kSockFields[] = {
    {0, 4, "bound_dev_if", false}, {4, 4, "family", true},
    {8, 4, "type", true},          {12, 4, "protocol", true},
    {16, 4, "mark", false},        {20, 4, "priority", false},
    {24, 4, "src_ip4", true},      {28, 4, "src_ip6", true},
    {32, 4, "src_ip6", true},      {36, 4, "src_ip6", true},
    {40, 4, "src_ip6", true},      {44, 4, "src_port", true},
    {48, 4, "dst_port", true},     {52, 4, "dst_ip4", true},
    {56, 4, "dst_ip6", true},      {60, 4, "dst_ip6", true},
    {64, 4, "dst_ip6", true},      {68, 4, "dst_ip6", true},
    {72, 4, "state", true},        {76, 4, "rx_queue_mapping", true},
};
constexpr std::uint64_t kDstPort = 48;  // two bytes, behind which are two that only a whole load reaches

// bpf_tcp_sock_is_valid_access
constexpr SockFieldInfo kTcpSockFields[] = {
    {0, 4, "snd_cwnd", false},          {4, 4, "srtt_us", false},
    {8, 4, "rtt_min", false},           {12, 4, "snd_ssthresh", false},
    {16, 4, "rcv_nxt", false},          {20, 4, "snd_nxt", false},
    {24, 4, "snd_una", false},          {28, 4, "mss_cache", false},
    {32, 4, "ecn_flags", false},        {36, 4, "rate_delivered", false},
    {40, 4, "rate_interval_us", false}, {44, 4, "packets_out", false},
    {48, 4, "retrans_out", false},      {52, 4, "total_retrans", false},
    {56, 4, "segs_in", false},          {60, 4, "data_segs_in", false},
    {64, 4, "segs_out", false},         {68, 4, "data_segs_out", false},
    {72, 4, "lost_out", false},         {76, 4, "sacked_out", false},
    {80, 8, "bytes_received", false},   {88, 8, "bytes_acked", false},
    {96, 4, "dsack_dups", false},       {100, 4, "delivered", false},
    {104, 4, "delivered_ce", false},    {108, 4, "icsk_retransmits", false},
};

}  // namespace

std::span<const SockFieldInfo> sock_fields() {
  return kSockFields;
}

std::span<const SockFieldInfo> tcp_sock_fields() {
  return kTcpSockFields;
}

bool sock_readable(RegionKind kind, std::uint64_t offset, std::uint32_t size) {
  const auto fields = kind == RegionKind::kTcpSocket ? tcp_sock_fields() : sock_fields();
  const auto found = std::ranges::find_if(fields, [&](const SockFieldInfo& field) {
    return offset >= field.offset && offset + size <= std::uint64_t{field.offset} + field.size;
  });
  if (found == fields.end() || offset % size != 0) return false;
  if (kind == RegionKind::kSocket && found->offset == kDstPort && size < 4)
    return offset + size <= kDstPort + 2;
  return size == found->size || found->narrow;
}

}  // namespace netkit::bpf
