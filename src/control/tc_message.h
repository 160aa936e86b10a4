// Messages about queueing disciplines and filters: numbers of the user interface, as in linux/rtnetlink.h and
// linux/pkt_sched.h of Linux 7.3, and what requests of both sorts share.
#pragma once

#include <span>

#include "control/attributes.h"
#include "control/client.h"
#include "device/device.h"

namespace netkit::control {

// struct tcmsg
struct TcHeader {
  std::uint8_t family = 0;
  std::uint8_t pad1 = 0;
  std::uint16_t pad2 = 0;
  std::int32_t ifindex = 0;
  std::uint32_t handle = 0;
  std::uint32_t parent = 0;  // kByBlock: the block's number
  std::uint32_t info = 0;    // filters: the priority above, the protocol (network order) below
};
static_assert(sizeof(TcHeader) == 20);

inline constexpr std::int32_t kByBlock =
    -1;  // ifindex: the request names a shared block (TCM_IFINDEX_MAGIC_BLOCK)

// TC_H_*: parents and handles, a major number above and a minor one below.
enum TcHandle : std::uint32_t {
  kRootParent = 0xffff'ffff,
  kIngressParent = 0xffff'fff1,  // of the qdiscs ingress and clsact
  kIngressHandle = 0xffff'0000,  // of both
  kIngressFilters = 0xffff'fff2,
  kEgressFilters = 0xffff'fff3,
};
[[nodiscard]] constexpr std::uint32_t major_of(std::uint32_t handle) {
  return handle & 0xffff'0000;
}
[[nodiscard]] constexpr std::uint32_t minor_of(std::uint32_t handle) {
  return handle & 0xffff;
}

// TCA_*
enum TcAttribute : std::uint16_t {
  kTcaKind = 1,
  kTcaOptions = 2,
  kTcaChain = 11,
  kTcaIngressBlock = 13,
  kTcaEgressBlock = 14,
};

// TCA_BPF_*
enum BpfFilterAttribute : std::uint16_t {
  kTcaBpfAct = 1,
  kTcaBpfPolice = 2,
  kTcaBpfClassid = 3,
  kTcaBpfOpsLen = 4,
  kTcaBpfOps = 5,
  kTcaBpfFd = 6,
  kTcaBpfName = 7,
  kTcaBpfFlags = 8,
  kTcaBpfFlagsGen = 9,
};
inline constexpr std::uint32_t kBpfDirectAction = 1;  // TCA_BPF_FLAG_ACT_DIRECT

// TCA_CLS_FLAGS_*
enum ClassifierFlag : std::uint32_t { kSkipHw = 1, kSkipSw = 2, kInHw = 4, kNotInHw = 8 };

struct TcRequest {
  std::uint16_t flags = 0;  // MessageFlag
  TcHeader header;
  AttributeWriter attributes;  // TcAttribute
};

// rtm_tca_policy, as far as we have the attributes.
[[nodiscard]] std::span<const Rule> tc_policy();

// The device that a request names, in the client's namespace. ENODEV.
[[nodiscard]] Result<device::DeviceRef> find_tc_device(const Client& client, const device::Rtnl& rtnl,
                                                       const TcHeader& header);

}  // namespace netkit::control
