// Sends a copy of each packet to a device, says what came of it, and drops the packet itself.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 target;

SEC("netkit/peer")
int clone_and_drop(struct __sk_buff* skb) {
  long result = bpf_clone_redirect(skb, target, BPF_F_INGRESS);
  bpf_printk("clone: %ld", result);
  return 2;
}

char _license[] SEC("license") = "GPL";
