#include "bpf/object/section_name.h"

#include <gtest/gtest.h>

namespace netkit::bpf {
namespace {

struct Expectation {
  std::string_view section;
  ProgramType type;
  AttachType attach = AttachType::kNone;
  bool auto_load = true;
};

TEST(SectionName, SaysTypeAndExpectedAttachType) {
  constexpr Expectation kExpectations[] = {
      {"tc", ProgramType::kSchedCls},
      {"tc/ingress", ProgramType::kSchedCls, AttachType::kTcxIngress},
      {"tc/egress", ProgramType::kSchedCls, AttachType::kTcxEgress},
      {"tcx/ingress", ProgramType::kSchedCls, AttachType::kTcxIngress},
      {"tcx/egress", ProgramType::kSchedCls, AttachType::kTcxEgress},
      {"netkit/primary", ProgramType::kSchedCls, AttachType::kNetkitPrimary},
      {"netkit/peer", ProgramType::kSchedCls, AttachType::kNetkitPeer},
      {"?tcx/ingress", ProgramType::kSchedCls, AttachType::kTcxIngress, false},
      {"tc/from_pod", ProgramType::kSchedCls},
      {"tc/ingress/more", ProgramType::kSchedCls},
      {"tc_to_pod", ProgramType::kSchedCls},
      {"tc-ingress-root", ProgramType::kSchedCls},
      {"classifier", ProgramType::kSchedCls},
      {"classifier/egress", ProgramType::kSchedCls},
      {"classifier_in", ProgramType::kSchedCls},
      {"ingress", ProgramType::kSchedCls},
      {"from-container", ProgramType::kSchedCls},
      {"2/0", ProgramType::kSchedCls},
      {"0x10/0x2", ProgramType::kSchedCls},
      {"action", ProgramType::kSchedAct},
      {"action/mirror", ProgramType::kSchedAct},
      {"actions_of_mine", ProgramType::kSchedCls},
  };
  for (const Expectation& expected : kExpectations)
    EXPECT_EQ(program_kind(expected.section),
              (ProgramKind{expected.type, expected.attach, expected.auto_load}))
        << expected.section;
}

TEST(SectionName, TellsProgramsOfOtherHooks) {
  constexpr Expectation kExpectations[] = {
      {"xdp", ProgramType::kXdp, AttachType::kXdp},
      {"xdp.frags", ProgramType::kXdp, AttachType::kXdp},
      {"xdp_root", ProgramType::kXdp, AttachType::kXdp},
      {"kprobe/tcp_connect", ProgramType::kKprobe},
      {"kprobe.multi/tcp_*", ProgramType::kKprobe},
      {"tracepoint/syscalls/sys_enter_open", ProgramType::kTracepoint},
      {"tp_btf/sched_switch", ProgramType::kTracing},
      {"tp/net/netif_rx", ProgramType::kTracepoint},
      {"fentry/tcp_v4_rcv", ProgramType::kTracing},
      {"freplace/prog0", ProgramType::kExt},
      {"cgroup/connect4", ProgramType::kCgroupSockAddr},
      {"cgroup/sock", ProgramType::kCgroupSock},
      {"cgroup/getsockopt", ProgramType::kCgroupSockopt},
      {"cgroup_skb/egress", ProgramType::kCgroupSkb},
      {"sockops", ProgramType::kSockOps},
      {"sk_skb/stream_verdict", ProgramType::kSkSkb},
      {"struct_ops/init", ProgramType::kStructOps},
  };
  for (const Expectation& expected : kExpectations)
    EXPECT_EQ(program_kind(expected.section), (ProgramKind{expected.type, expected.attach, true}))
        << expected.section;
}

TEST(SectionName, ProgramTypesHaveTheKernelsNames) {
  EXPECT_EQ(program_type_name(ProgramType::kSchedCls), "sched_cls");
  EXPECT_EQ(program_type_name(ProgramType::kRawTracepoint), "raw_tracepoint");
  EXPECT_EQ(program_type_name(ProgramType::kCgroupSockopt), "cgroup_sockopt");
  EXPECT_EQ(program_type_name(ProgramType::kNetfilter), "netfilter");
  EXPECT_EQ(program_type_name(ProgramType{99}), "");
}

}  // namespace
}  // namespace netkit::bpf
