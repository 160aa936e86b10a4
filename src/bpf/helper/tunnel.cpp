// Tunnel metadata: bpf_skb_set_tunnel_key, bpf_skb_get_tunnel_key and their options. A key set is for
// sending, so reading it back gives the local address as the remote one, as in the kernel. Source: spec
// tc-bpf-context.md 3.5.
#include <cerrno>
#include <cstring>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "packet/tunnel_info.h"

namespace netkit::bpf {
namespace {

enum TunnelKeyFlag : std::uint64_t {
  kInfoIpv6 = 1,
  kZeroCsum = 2,
  kDontFragment = 4,
  kSeqNumber = 8,
  kInfoFlags = 16,  // of get
  kNoKey = 16,      // of set
};

// struct bpf_tunnel_key. IPv4 addresses and the label are in host order, IPv6 addresses in network order.
struct TunnelKey {
  std::uint32_t id;
  std::array<std::uint8_t, 16> remote;
  std::uint8_t tos;
  std::uint8_t ttl;
  std::uint16_t flags;  // tunnel_ext; network order where it holds flags
  std::uint32_t label;
  std::array<std::uint8_t, 16> local;
};
static_assert(sizeof(TunnelKey) == 44);
constexpr std::uint32_t kSizeOfIpv4Only = 8;  // id and one IPv4 address

// Programs of all ages: the struct has grown three times.
constexpr bool is_known_size(std::uint32_t size) {
  return size == sizeof(TunnelKey) || size == offsetof(TunnelKey, local) ||
         size == offsetof(TunnelKey, label) || size == offsetof(TunnelKey, flags) || size == kSizeOfIpv4Only;
}

using Address = std::array<std::uint8_t, 16>;

// IPv4 only: between the host order of a key and network order.
Address with_bytes_swapped(const Address& address) {
  const Be32 swapped(load_unaligned<std::uint32_t>(address.data()));
  Address result{};
  store_unaligned(result.data(), swapped);
  return result;
}
Address of_key(const Address& address, bool ipv6) {
  return ipv6 ? address : with_bytes_swapped(address);
}

std::int64_t skb_set_tunnel_key(RunContext& run, ContextPointer, const std::uint8_t* from, std::uint32_t size,
                                std::uint64_t flags) {
  constexpr std::uint64_t kKnown = kInfoIpv6 | kZeroCsum | kDontFragment | kSeqNumber | kNoKey;
  if ((flags & ~kKnown) != 0 || !is_known_size(size)) return -EINVAL;
  TunnelKey key{};
  std::memcpy(&key, from, size);
  const bool ipv6 = (flags & kInfoIpv6) != 0;
  if ((!ipv6 && key.label != 0) || key.flags != 0) return -EINVAL;

  constexpr std::uint32_t kLabelMask = 0x000f'ffff;
  const auto flag = [&](TunnelKeyFlag given, TunnelFlag meant) { return (flags & given) != 0 ? meant : 0; };
  const auto unless = [&](TunnelKeyFlag given, TunnelFlag meant) { return (flags & given) != 0 ? 0 : meant; };
  TunnelPtr tunnel = TunnelPtr::make();
  TunnelInfo& info = tunnel.own();
  info.id = key.id;
  info.ipv6 = ipv6;
  info.transmit = true;
  info.tos = key.tos;
  info.ttl = key.ttl;
  info.flags = static_cast<std::uint16_t>(kTunnelNoCache | flag(kDontFragment, kTunnelDontFragment) |
                                          flag(kSeqNumber, kTunnelSeq) | unless(kZeroCsum, kTunnelCsum) |
                                          unless(kNoKey, kTunnelKey));
  info.label = ipv6 ? key.label & kLabelMask : 0;
  info.dst = of_key(key.remote, ipv6);
  info.src = of_key(key.local, ipv6);
  run.packet->meta.tunnel = std::move(tunnel);
  return 0;
}

// The errno of bpf_skb_get_tunnel_key, or 0.
std::int64_t check_get(const TunnelPtr& tunnel, std::uint32_t size, std::uint64_t flags) {
  if (!tunnel || (flags & ~std::uint64_t{kInfoIpv6 | kInfoFlags}) != 0) return -EINVAL;
  if (tunnel->ipv6 != ((flags & kInfoIpv6) != 0)) return -EPROTO;
  if (!is_known_size(size) || (size == kSizeOfIpv4Only && tunnel->ipv6)) return -EINVAL;
  return 0;
}

std::int64_t skb_get_tunnel_key(RunContext& run, ContextPointer, std::uint8_t* to, std::uint32_t size,
                                std::uint64_t flags) {
  std::memset(to, 0, size);
  const TunnelPtr& tunnel = run.packet->meta.tunnel;
  if (const std::int64_t error = check_get(tunnel, size, flags); error != 0) return error;
  TunnelKey key{.id = static_cast<std::uint32_t>(tunnel->id),
                .remote = of_key(tunnel->src, tunnel->ipv6),
                .tos = tunnel->tos,
                .ttl = tunnel->ttl,
                .flags = 0,
                .label = tunnel->label,
                .local = of_key(tunnel->dst, tunnel->ipv6)};
  if ((flags & kInfoFlags) != 0) key.flags = Be16{tunnel->flags}.raw();
  std::memcpy(to, &key, size);
  return 0;
}

std::int64_t skb_get_tunnel_opt(RunContext& run, ContextPointer, std::uint8_t* to, std::uint32_t size) {
  std::memset(to, 0, size);
  const TunnelPtr& tunnel = run.packet->meta.tunnel;
  if (!tunnel || (tunnel->flags & kTunnelAnyOptions) == 0) return -ENOENT;
  if (size < tunnel->options_length) return -ENOMEM;
  std::memcpy(to, tunnel->options.data(), tunnel->options_length);
  return tunnel->options_length;
}

std::int64_t skb_set_tunnel_opt(RunContext& run, ContextPointer, const std::uint8_t* from,
                                std::uint32_t size) {
  TunnelPtr& tunnel = run.packet->meta.tunnel;
  if (!tunnel || !tunnel->transmit || size % 4 != 0) return -EINVAL;
  if (size > TunnelInfo::kMaxOptions) return -ENOMEM;
  TunnelInfo& info = tunnel.own();
  info.options_length = static_cast<std::uint8_t>(size);
  std::memcpy(info.options.data(), from, size);
  info.flags |= kTunnelAnyOptions;
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 20,
     .name = "skb_get_tunnel_key",
     .contract = {.arguments = {Arg::kContext, Arg::kOutMem, Arg::kSize, Arg::kAnything}},
     .function = helper_call<skb_get_tunnel_key>},
    {.number = 21,
     .name = "skb_set_tunnel_key",
     .contract = {.arguments = {Arg::kContext, Arg::kMem, Arg::kSize, Arg::kAnything}},
     .function = helper_call<skb_set_tunnel_key>},
    {.number = 29,
     .name = "skb_get_tunnel_opt",
     .contract = {.arguments = {Arg::kContext, Arg::kOutMem, Arg::kSize}},
     .function = helper_call<skb_get_tunnel_opt>},
    {.number = 30,
     .name = "skb_set_tunnel_opt",
     .contract = {.arguments = {Arg::kContext, Arg::kMem, Arg::kSize}},
     .function = helper_call<skb_set_tunnel_opt>},
};

}  // namespace

std::span<const Helper> tunnel_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
