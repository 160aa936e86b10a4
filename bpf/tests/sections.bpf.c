// Section names as real projects write them, several programs in a section, static programs.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define PROGRAM(section, name, verdict)          \
  SEC(section) int name(struct __sk_buff* skb) { \
    return verdict;                              \
  }

PROGRAM("tc", tc_first, 0)
PROGRAM("tc", tc_second, 2)
PROGRAM("tc/ingress", tc_ingress, 0)
PROGRAM("tc/egress", tc_egress, 0)
PROGRAM("tc/from_pod", tc_from_pod, 0)
PROGRAM("tc_to_pod", to_pod, 0)
PROGRAM("tcx/ingress", tcx_ingress, 0)
PROGRAM("tcx/egress", tcx_egress, 0)
PROGRAM("netkit/primary", netkit_primary, 0)
PROGRAM("netkit/peer", netkit_peer, 0)
PROGRAM("classifier", classifier_plain, 0)
PROGRAM("classifier/egress", classifier_egress, 0)
PROGRAM("action", action_plain, 0)
PROGRAM("from-container", from_container, 0)
PROGRAM("2/0", tail_by_section, 0)
PROGRAM("?tc", tc_on_demand, 0)

// Only a reference keeps a static program in the object.
SEC("tc") __attribute__((used)) static int tc_static(struct __sk_buff* skb) {
  return 2;
}

SEC("xdp") int xdp_main(struct xdp_md* ctx) {
  return XDP_PASS;
}
SEC("kprobe/do_exit") int kprobe_exit(void* ctx) {
  return 0;
}
SEC("cgroup/connect4") int cgroup_connect(void* ctx) {
  return 1;
}

char license_text[] SEC("license") = "Dual BSD/GPL";
