// Interface flags, operational states and limits; numbers as in linux/if.h and netdevice.h.
#pragma once

#include <cstdint>
#include <string_view>

namespace netkit::device {

// Device number within a namespace; 0 is "none", lo is 1.
using IfIndex = std::uint32_t;
inline constexpr IfIndex kLoopbackIndex = 1;

// IFF_*
enum DeviceFlag : std::uint32_t {
  kUp = 1U << 0,
  kBroadcast = 1U << 1,
  kLoopback = 1U << 3,
  kRunning = 1U << 6,
  kNoArp = 1U << 7,
  kPromisc = 1U << 8,
  kAllMulti = 1U << 9,
  kMulticast = 1U << 12,
  kLowerUp = 1U << 16,
};

// RFC 2863; IF_OPER_*
enum class OperState : std::uint8_t {
  kUnknown = 0,
  kNotPresent = 1,
  kDown = 2,
  kLowerLayerDown = 3,
  kTesting = 4,
  kDormant = 5,
  kUp = 6
};

// IFLA_INFO_KIND; the closed set of what we have.
enum class DeviceKind : std::uint8_t { kLoopback, kNetkit, kVeth, kDummy, kTap, kPhysical };
// The kernel's word ("netkit", "veth", "dummy", "tun"); empty for those that have none (lo, a NIC).
[[nodiscard]] std::string_view kind_name(DeviceKind kind);

inline constexpr std::size_t kMaxName = 15;  // IFNAMSIZ - 1
inline constexpr std::uint32_t kDefaultMtu = 1500;
inline constexpr std::uint32_t kMinMtu = 68;
inline constexpr std::uint32_t kMaxMtu = 65535;
inline constexpr std::uint32_t kDefaultTxQueueLength = 1000;
inline constexpr std::uint32_t kDefaultGsoMaxSize = 65536;
inline constexpr std::uint32_t kTsoMaxSize = 524'280;  // 8 * 65535
inline constexpr std::uint32_t kGsoMaxSegs = 65535;
inline constexpr std::uint32_t kMaxTcpHeader = 320;  // MAX_TCP_HEADER; one more is the least gso_max_size
inline constexpr int kDefaultPacketPad = 64;         // NET_SKB_PAD: max(32, L1 cache line)

}  // namespace netkit::device
