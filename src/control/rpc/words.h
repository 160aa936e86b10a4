// Words that stand for numbers of the user interface. A request may carry either; answers carry numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bpf/run/types.h"
#include "control/uapi.h"
#include "device/flags.h"
#include "device/mprog.h"

namespace netkit::rpc {

struct Word {
  std::string_view name;
  std::uint32_t value = 0;
};
using Words = std::span<const Word>;

[[nodiscard]] constexpr std::optional<std::uint32_t> value_of(Words words, std::string_view name) {
  for (const Word& word : words) {
    if (word.name == name) return word.value;
  }
  return std::nullopt;
}

// The first name of a value; empty: it has none.
[[nodiscard]] constexpr std::string_view name_of(Words words, std::uint32_t value) {
  for (const Word& word : words) {
    if (word.value == value) return word.name;
  }
  return {};
}

inline constexpr Word kAttachTypes[] = {
    {"tcx_ingress", static_cast<std::uint32_t>(bpf::AttachType::kTcxIngress)},
    {"tcx_egress", static_cast<std::uint32_t>(bpf::AttachType::kTcxEgress)},
    {"netkit_primary", static_cast<std::uint32_t>(bpf::AttachType::kNetkitPrimary)},
    {"netkit_peer", static_cast<std::uint32_t>(bpf::AttachType::kNetkitPeer)},
};
inline constexpr Word kAttachFlags[] = {
    {"replace", device::kReplace}, {"before", device::kBefore}, {"after", device::kAfter},
    {"id", device::kId},           {"link", device::kLink},
};
inline constexpr Word kProgramTypes[] = {
    {"sched_cls", static_cast<std::uint32_t>(bpf::ProgramType::kSchedCls)},
    {"sched_act", static_cast<std::uint32_t>(bpf::ProgramType::kSchedAct)}};
inline constexpr Word kUpdateFlags[] = {
    {"any", bpf::kAny}, {"noexist", bpf::kNoexist}, {"exist", bpf::kExist}, {"lock", bpf::kLock}};
// Of a map's descriptor.
inline constexpr Word kMapAccess[] = {{"rdonly", bpf::kRdonly}, {"wronly", bpf::kWronly}};
inline constexpr Word kMessageFlags[] = {
    {"replace", control::kReplaceLink}, {"excl", control::kExclusive}, {"create", control::kCreate}};
// IFF_*, in the order in which `ip` prints them.
inline constexpr Word kDeviceFlags[] = {
    {"loopback", device::kLoopback},
    {"broadcast", device::kBroadcast},
    {"multicast", device::kMulticast},
    {"noarp", device::kNoArp},
    {"allmulti", device::kAllMulti},
    {"promisc", device::kPromisc},
    {"up", device::kUp},
    {"lower_up", device::kLowerUp},
    {"running", device::kRunning},
};
inline constexpr Word kOperStates[] = {{"unknown", 0}, {"notpresent", 1}, {"down", 2}, {"lowerlayerdown", 3},
                                       {"testing", 4}, {"dormant", 5},    {"up", 6}};
// As iproute2 writes them; the kernel's own names for the policies follow.
inline constexpr Word kNetkitModes[] = {{"l2", 0}, {"l3", 1}};
inline constexpr Word kNetkitPolicies[] = {{"forward", 0}, {"blackhole", 2}, {"pass", 0}, {"drop", 2}};
inline constexpr Word kNetkitScrubs[] = {{"none", 0}, {"default", 1}};
inline constexpr Word kNetkitPairings[] = {{"pair", 0}, {"single", 1}};
inline constexpr Word kGroups[] = {{"default", 0}};

}  // namespace netkit::rpc
