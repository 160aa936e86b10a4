// Numbers of the rtnetlink and netkit user interface, as in linux/if_link.h and linux/netlink.h of Linux 7.3;
// Debian 12's headers are older, so we state our own.
#pragma once

#include <cstdint>

namespace netkit::control {

// NLM_F_*
enum MessageFlag : std::uint16_t { kReplaceLink = 0x100, kExclusive = 0x200, kCreate = 0x400 };

// IFLA_*
enum LinkAttribute : std::uint16_t {
  kIflaAddress = 1,
  kIflaBroadcast = 2,
  kIflaIfname = 3,
  kIflaMtu = 4,
  kIflaProtinfo = 12,
  kIflaTxqlen = 13,
  kIflaMap = 14,
  kIflaLinkinfo = 18,
  kIflaNetNsPid = 19,
  kIflaIfalias = 20,
  kIflaGroup = 27,
  kIflaNetNsFd = 28,
  kIflaNumTxQueues = 31,
  kIflaNumRxQueues = 32,
  kIflaLinkNetnsid = 37,
  kIflaGsoMaxSegs = 40,
  kIflaGsoMaxSize = 41,
  kIflaTargetNetnsid = 46,
  kIflaGroMaxSize = 58,
  kIflaGsoIpv4MaxSize = 63,
  kIflaGroIpv4MaxSize = 64,
};

// IFLA_INFO_*
enum InfoAttribute : std::uint16_t { kInfoKind = 1, kInfoData = 2 };

// IFLA_NETKIT_*
enum NetkitAttribute : std::uint16_t {
  kNetkitPeerInfo = 1,
  kNetkitPrimary = 2,
  kNetkitPolicy = 3,
  kNetkitPeerPolicy = 4,
  kNetkitMode = 5,
  kNetkitScrub = 6,
  kNetkitPeerScrub = 7,
  kNetkitHeadroom = 8,
  kNetkitTailroom = 9,
  kNetkitPairing = 10,
};

// VETH_INFO_*
inline constexpr std::uint16_t kVethInfoPeer = 1;

// struct ifinfomsg: 16 bytes at the start of a request and of the attribute that describes a peer.
struct IfInfo {
  std::uint8_t family = 0;
  std::uint8_t pad = 0;
  std::uint16_t type = 0;
  std::int32_t index = 0;
  std::uint32_t flags = 0;   // IFF_*
  std::uint32_t change = 0;  // which of them are meant; 0 with flags set: all
};
static_assert(sizeof(IfInfo) == 16);

}  // namespace netkit::control
