// Requests about queueing disciplines, shaped like rtnetlink's RTM_NEWQDISC, RTM_DELQDISC and RTM_GETQDISC
// (net/sched/sch_api.c): raw numbers in, the kernel's errno and extended message out, its checks in its
// order. What can be made is clsact and ingress; our devices queue nothing, which the kernel calls noqueue.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/tc_message.h"

namespace netkit::control {

// RTM_NEWQDISC: makes a qdisc (kCreate), or changes the one at the parent. Beside the kernel's errors
// EOPNOTSUPP with a text of ours: another kind, or a block that another device shares.
Result<> new_qdisc(Client& client, const TcRequest& request);
// RTM_DELQDISC: its filters go with it.
Result<> delete_qdisc(Client& client, const TcRequest& request);

// An RTM_NEWQDISC message as a plain value.
struct QdiscReport {
  device::IfIndex ifindex = 0;
  std::string dev;
  std::string_view kind;
  std::uint32_t handle = 0;
  std::uint32_t parent = 0;
  std::uint32_t refcount = 1;
  std::uint32_t ingress_block = 0;  // 0: not shared
  std::uint32_t egress_block = 0;
  device::QdiscStats stats{};
};

// RTM_GETQDISC. Empty: the parent has the kernel's placeholder, which is told to nobody.
[[nodiscard]] Result<std::optional<QdiscReport>> get_qdisc(Client& client, const TcRequest& request);
// The dump: of all devices in the client's namespace.
[[nodiscard]] std::vector<QdiscReport> list_qdiscs(Client& client);

}  // namespace netkit::control
