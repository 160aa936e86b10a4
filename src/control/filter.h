// Requests about filters, shaped like rtnetlink's RTM_NEWTFILTER, RTM_DELTFILTER and RTM_GETTFILTER
// (net/sched/cls_api.c, cls_bpf.c): raw numbers in, the kernel's errno and extended message out, its checks
// in its order. The kind is bpf; programs are named by the client's descriptors.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "control/tc_message.h"

namespace netkit::control {

// RTM_NEWTFILTER: adds a filter (kCreate), or changes the one with the handle. Beside the kernel's errors
// EOPNOTSUPP with a text of ours: another kind, actions, bytecode of classic BPF.
Result<> new_filter(Client& client, const TcRequest& request);
// RTM_DELTFILTER: the filter with the handle; without one all of the priority; without priority the chain.
Result<> delete_filter(Client& client, const TcRequest& request);

// The program of a filter, as filters are shown with it.
struct FilterProgram {
  std::uint32_t id = 0;
  std::string name;
  std::array<std::uint8_t, 8> tag{};
  bool jited = false;
  std::uint64_t load_time = 0;  // ns since boot
  std::uint32_t uid = 0;
};

// TCA_OPTIONS of a filter.
struct FilterOptions {
  std::string name;
  std::uint32_t classid = 0;    // 0: none
  std::uint32_t flags = 0;      // kBpfDirectAction
  std::uint32_t gen_flags = 0;  // ClassifierFlag
  FilterProgram program;
};

// An RTM_NEWTFILTER message as a plain value.
struct FilterReport {
  device::IfIndex ifindex = 0;  // 0: it is in a shared block
  std::string dev;
  std::uint32_t parent = 0;  // the block's number where it is shared
  std::uint16_t priority = 0;
  Be16 protocol;
  std::uint32_t chain = 0;
  std::uint32_t handle = 0;
  std::optional<FilterOptions> options{};  // absent: the line of the priority as a whole, which dumps have
};

// RTM_GETTFILTER.
[[nodiscard]] Result<FilterReport> get_filter(Client& client, const TcRequest& request);
// The dump, of what the request's parent, priority, protocol and chain leave; empty where there is nothing.
[[nodiscard]] Result<std::vector<FilterReport>> list_filters(Client& client, const TcRequest& request);

}  // namespace netkit::control
