// No section says under which terms this may be used.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("tc") int unrestricted(struct __sk_buff *skb) {
  return bpf_ktime_get_ns() != 0;
}

SEC("tc") int restricted(struct __sk_buff *skb) {
  __u64 value = 0;
  return bpf_probe_read_kernel(&value, sizeof(value), skb);
}
