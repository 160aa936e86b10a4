// Why a packet was lost: every one has exactly one reason. Adding a reason is one line here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace netkit {

// NAME(identifier, "name in summaries and JSON", "text for people: what happened and, where there is one, the
// remedy")
#define NETKIT_DROP_REASONS(NAME)                                                                            \
  NAME(kNone, "none", "not dropped")                                                                         \
  NAME(kVerdict, "verdict", "a program returned DROP (or a value that netkit takes for it)")                 \
  NAME(kPolicy, "policy", "no program is attached and the default policy is blackhole")                      \
  NAME(kProgFault, "prog_fault", "a program did something that is not allowed; its run was ended")           \
  NAME(kNoPeer, "no_peer", "the device has no other end")                                                    \
  NAME(kPeerDown, "peer_down", "the other end is down")                                                      \
  NAME(kNoCarrier, "no_carrier", "no carrier: the device or its other end is down")                          \
  NAME(kDeviceDown, "device_down", "the device is down")                                                     \
  NAME(kTooShort, "too_short", "fewer bytes than an Ethernet header")                                        \
  NAME(kTooLong, "too_long", "longer than the device can take")                                              \
  NAME(kBacklogFull, "backlog_full", "the receive backlog is full (1000 packets)")                           \
  NAME(kRecursion, "recursion", "nested transmissions went too deep (a redirect loop?)")                     \
  NAME(kRedirectNoTarget, "redirect_no_target",                                                              \
       "redirect verdict without a target, or no device of that number")                                     \
  NAME(kTargetNotAttached, "target_not_attached",                                                            \
       "the redirect target is a kernel interface that is not attached; name it under `devices:` or attach " \
       "it")                                                                                                 \
  NAME(kRedirectNoPeer, "redirect_no_peer",                                                                  \
       "redirect_peer to a device without a usable peer, or from the wrong hook")                            \
  NAME(kRedirectHeader, "redirect_header", "the packet has no header that the redirect target needs")        \
  NAME(kRedirectPeerLoop, "redirect_peer_loop", "redirect_peer ran receive hooks 64 times for one packet")   \
  NAME(kNeighUnsupported, "neigh_unsupported", "redirect_neigh of a packet that is neither IPv4 nor IPv6")   \
  NAME(kNeighFailed, "neigh_failed", "the next hop's address could not be resolved")                         \
  NAME(kNoRoute, "no_route", "no route to the destination")                                                  \
  NAME(kOtherhost, "otherhost", "an L3 device got a frame whose destination is another host's address")      \
  NAME(kUnhandledProtocol, "unhandled_protocol", "the receiving stack has no handler for the EtherType")     \
  NAME(kIngressVerdict, "ingress_verdict", "a tcx or classic ingress program dropped it")                    \
  NAME(kEgressVerdict, "egress_verdict", "a tcx or classic egress program dropped it")                       \
  NAME(kStolen, "stolen", "a classic filter took it (TC_ACT_STOLEN, TC_ACT_TRAP)")                           \
  NAME(kNoMemory, "no_memory", "no packet buffer was free")                                                  \
  NAME(kPortFull, "port_full", "the port's queue was full")                                                  \
  NAME(kPortError, "port_error", "the port refused the packet")                                              \
  NAME(kPortGone, "port_gone", "the interface behind the port has gone")                                     \
  NAME(kNoPort, "no_port", "nothing is connected to the device")                                             \
  NAME(kKernelQueue, "kernel_queue",                                                                         \
       "the kernel dropped it at our interface (no carrier, or its queue was full)")                         \
  NAME(kMalformed, "malformed", "headers and metadata contradict each other")                                \
  NAME(kUnsupportedGso, "unsupported_gso",                                                                   \
       "a super-packet of a kind (a tunnel) that cannot be segmented in software")                           \
  NAME(kLoss, "loss", "a loss wrapper dropped it on purpose")                                                \
  NAME(kShutdown, "shutdown", "still queued when the device went")

enum class DropReason : std::uint8_t {
#define NAME(identifier, name, text) identifier,
  NETKIT_DROP_REASONS(NAME)
#undef NAME
};

#define NAME(identifier, name, text) +1
inline constexpr std::size_t kDropReasons = 0 NETKIT_DROP_REASONS(NAME);
#undef NAME

struct DropReasonText {
  std::string_view name;
  std::string_view text;
};

[[nodiscard]] constexpr DropReasonText describe(DropReason reason) {
  constexpr DropReasonText kTexts[] = {
#define NAME(identifier, name, text) {name, text},
      NETKIT_DROP_REASONS(NAME)
#undef NAME
  };
  return kTexts[static_cast<std::size_t>(reason)];
}

}  // namespace netkit
