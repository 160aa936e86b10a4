// bpf_fib_lookup: what a packet with these addresses would be forwarded to. The tables are the outside's;
// what is checked before and after them is here. Source: spec redirect-and-forwarding.md 6.
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/run/fib.h"

namespace netkit::bpf {
namespace {

// fe80::/10 and ff00::/8 are not forwarded, neither from nor to (rt6_need_strict).
bool stays_on_its_link(const std::uint8_t* address) {
  return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80);
}

bool valid_flags(std::uint32_t flags) {
  constexpr std::uint32_t kKnown = kFibDirect | kFibOutput | kFibSkipNeigh | kFibTbid | kFibSrc | kFibMark |
                                   kFibVlanInput;  // kFibVlan is for XDP
  const bool vlan_input = (flags & kFibVlanInput) != 0;
  return (flags & ~kKnown) == 0 && !(vlan_input && (flags & (kFibTbid | kFibOutput)) != 0);
}

// Without a routing table there is no IP configuration on any device.
std::int64_t without_routes(RunContext& run, std::uint32_t ifindex) {
  const Outside& outside = *run.outside;
  const bool known =
      ifindex != 0 && outside.device_mtu != nullptr && outside.device_mtu(outside.self, run, ifindex) != 0;
  return known ? std::int64_t{kFibForwardingDisabled} : -ENODEV;
}

// Whether the device would take the packet as it is (is_skb_forwardable).
bool fits(const Packet& packet, std::uint32_t mtu) {
  constexpr std::uint32_t kVlanTag = 4;
  return packet.meta.gso.size != 0 || packet.len() <= mtu + kEthernetHeader + kVlanTag;
}

std::int64_t look_up(RunContext& run, FibParameters& params, std::uint32_t flags) {
  if (params.family != AF_INET && params.family != AF_INET6) return -EAFNOSUPPORT;
  const bool strict = stays_on_its_link(params.src.data()) || stays_on_its_link(params.dst.data());
  if (params.family == AF_INET6 && strict) return kFibNotForwarded;
  const Outside& outside = *run.outside;
  if (outside.fib_lookup == nullptr) return without_routes(run, params.ifindex);

  const bool length_given = params.tot_len != 0;
  const std::int64_t result = outside.fib_lookup(outside.self, run, params, flags);
  if (result != kFibSuccess || length_given) return result;
  const std::uint32_t mtu =
      outside.device_mtu != nullptr ? outside.device_mtu(outside.self, run, params.ifindex) : 0;
  params.tot_len = static_cast<std::uint16_t>(mtu);
  return fits(*run.packet, mtu) ? kFibSuccess : kFibFragmentationNeeded;
}

// The block may stand at any address, so a copy is worked on.
std::int64_t fib_lookup(RunContext& run, ContextPointer, std::uint8_t* block, std::int32_t size,
                        std::uint32_t flags) {
  if (static_cast<std::size_t>(size) < sizeof(FibParameters) || !valid_flags(flags)) return -EINVAL;
  auto params = load_unaligned<FibParameters>(block);
  const std::int64_t result = look_up(run, params, flags);
  store_unaligned(block, params);
  return result;
}

constexpr Helper kHelpers[] = {
    {.number = 69,
     .name = "fib_lookup",
     .contract = {.arguments = {Arg::kContext, Arg::kInOutMem, Arg::kSize, Arg::kAnything},
                  .effects = kGplOnly},
     .function = helper_call<fib_lookup>},
};

}  // namespace

std::span<const Helper> fib_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
