#include "bpf/object/section_name.h"

#include <array>
#include <cctype>

namespace netkit::bpf {
namespace {

enum class Match : bool {
  kWhole,   // the section's name and nothing else
  kPrefix,  // the name, then the end or anything that does not begin with a letter or a digit
};

struct Row {
  std::string_view name;
  Match match;
  ProgramType type;
  AttachType attach = AttachType::kNone;
};

// The first row that matches counts. Expected attach types are given for what can be attached here.
constexpr std::array kRows = {
    Row{"tcx/ingress", Match::kWhole, ProgramType::kSchedCls, AttachType::kTcxIngress},
    Row{"tcx/egress", Match::kWhole, ProgramType::kSchedCls, AttachType::kTcxEgress},
    Row{"tc/ingress", Match::kWhole, ProgramType::kSchedCls, AttachType::kTcxIngress},
    Row{"tc/egress", Match::kWhole, ProgramType::kSchedCls, AttachType::kTcxEgress},
    Row{"netkit/primary", Match::kWhole, ProgramType::kSchedCls, AttachType::kNetkitPrimary},
    Row{"netkit/peer", Match::kWhole, ProgramType::kSchedCls, AttachType::kNetkitPeer},
    Row{"action", Match::kPrefix, ProgramType::kSchedAct},
    Row{"socket", Match::kPrefix, ProgramType::kSocketFilter},
    Row{"kprobe", Match::kPrefix, ProgramType::kKprobe},
    Row{"kretprobe", Match::kPrefix, ProgramType::kKprobe},
    Row{"uprobe", Match::kPrefix, ProgramType::kKprobe},
    Row{"uretprobe", Match::kPrefix, ProgramType::kKprobe},
    Row{"ksyscall", Match::kPrefix, ProgramType::kKprobe},
    Row{"kretsyscall", Match::kPrefix, ProgramType::kKprobe},
    Row{"usdt", Match::kPrefix, ProgramType::kKprobe},
    Row{"tracepoint", Match::kPrefix, ProgramType::kTracepoint},
    Row{"tp_btf", Match::kPrefix, ProgramType::kTracing},
    Row{"tp", Match::kPrefix, ProgramType::kTracepoint},
    Row{"raw_tracepoint", Match::kPrefix, ProgramType::kRawTracepoint},
    Row{"raw_tp", Match::kPrefix, ProgramType::kRawTracepoint},
    Row{"fentry", Match::kPrefix, ProgramType::kTracing},
    Row{"fexit", Match::kPrefix, ProgramType::kTracing},
    Row{"fmod_ret", Match::kPrefix, ProgramType::kTracing},
    Row{"iter", Match::kPrefix, ProgramType::kTracing},
    Row{"freplace", Match::kPrefix, ProgramType::kExt},
    Row{"lsm", Match::kPrefix, ProgramType::kLsm},
    Row{"struct_ops", Match::kPrefix, ProgramType::kStructOps},
    Row{"syscall", Match::kWhole, ProgramType::kSyscall},
    Row{"perf_event", Match::kPrefix, ProgramType::kPerfEvent},
    Row{"xdp", Match::kPrefix, ProgramType::kXdp, AttachType::kXdp},
    Row{"lwt_in", Match::kPrefix, ProgramType::kLwtIn},
    Row{"lwt_out", Match::kPrefix, ProgramType::kLwtOut},
    Row{"lwt_xmit", Match::kPrefix, ProgramType::kLwtXmit},
    Row{"lwt_seg6local", Match::kPrefix, ProgramType::kLwtSeg6local},
    Row{"sockops", Match::kPrefix, ProgramType::kSockOps},
    Row{"sk_skb", Match::kPrefix, ProgramType::kSkSkb},
    Row{"sk_msg", Match::kPrefix, ProgramType::kSkMsg},
    Row{"sk_reuseport", Match::kPrefix, ProgramType::kSkReuseport},
    Row{"sk_lookup", Match::kPrefix, ProgramType::kSkLookup},
    Row{"lirc_mode2", Match::kPrefix, ProgramType::kLircMode2},
    Row{"flow_dissector", Match::kPrefix, ProgramType::kFlowDissector},
    Row{"netfilter", Match::kPrefix, ProgramType::kNetfilter},
    Row{"cgroup_skb", Match::kPrefix, ProgramType::kCgroupSkb},
    Row{"cgroup/skb", Match::kPrefix, ProgramType::kCgroupSkb},
    Row{"cgroup/sock", Match::kWhole, ProgramType::kCgroupSock},
    Row{"cgroup/sock_create", Match::kWhole, ProgramType::kCgroupSock},
    Row{"cgroup/sock_release", Match::kWhole, ProgramType::kCgroupSock},
    Row{"cgroup/post_bind4", Match::kWhole, ProgramType::kCgroupSock},
    Row{"cgroup/post_bind6", Match::kWhole, ProgramType::kCgroupSock},
    Row{"cgroup/dev", Match::kWhole, ProgramType::kCgroupDevice},
    Row{"cgroup/sysctl", Match::kWhole, ProgramType::kCgroupSysctl},
    Row{"cgroup/getsockopt", Match::kWhole, ProgramType::kCgroupSockopt},
    Row{"cgroup/setsockopt", Match::kWhole, ProgramType::kCgroupSockopt},
    // bind4, connect6, sendmsg4, getpeername6 ...
    Row{"cgroup", Match::kPrefix, ProgramType::kCgroupSockAddr},
};

bool matches(const Row& row, std::string_view section) {
  if (!section.starts_with(row.name)) return false;
  if (section.size() == row.name.size()) return true;
  return row.match == Match::kPrefix &&
         std::isalnum(static_cast<unsigned char>(section[row.name.size()])) == 0;
}

constexpr std::array<std::string_view, 33> kTypeNames = {
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
};

}  // namespace

ProgramKind program_kind(std::string_view section) {
  ProgramKind kind;
  if (section.starts_with('?')) {
    kind.auto_load = false;
    section.remove_prefix(1);
  }
  for (const Row& row : kRows) {
    if (!matches(row, section)) continue;
    kind.type = row.type;
    kind.expected_attach_type = row.attach;
    break;
  }
  return kind;
}

std::string_view program_type_name(ProgramType type) {
  const auto number = static_cast<std::size_t>(type);
  return number < kTypeNames.size() ? kTypeNames[number] : std::string_view{};
}

}  // namespace netkit::bpf
