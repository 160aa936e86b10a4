// What an object may ask of the kernel around it: CO-RE relocations and externs.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern const void jiffies __ksym __weak;

struct net_device {
  int ifindex;
} __attribute__((preserve_access_index));
struct sk_buff {
  struct net_device* dev;
} __attribute__((preserve_access_index));

// Not the whole header: offsets in it mean nothing.
struct iphdr {
  __u8 protocol;
} __attribute__((preserve_access_index));

SEC("tc") int plain(struct __sk_buff* skb) {
  return 0;
}

SEC("tc") int fixed_layout(struct __sk_buff* skb) {
  return __builtin_preserve_access_index(skb->mark) == 3 ? 2 : 0;
}

SEC("tc") int moving_layout(struct __sk_buff* skb) {
  struct sk_buff* kernel = (void*)skb;
  return kernel->dev->ifindex;
}

SEC("tc") int partial_layout(struct __sk_buff* skb) {
  struct iphdr* ip = (void*)(long)skb->data;
  if ((void*)ip + 20 > (void*)(long)skb->data_end) return 0;
  return ip->protocol;
}

SEC("tc") int enum_value(struct __sk_buff* skb) {
  return __builtin_preserve_enum_value(*(enum bpf_func_id*)BPF_FUNC_loop, 0) ? 0 : 2;
}

SEC("tc") int kernel_setting(struct __sk_buff* skb) {
  return LINUX_KERNEL_VERSION > 5 ? 2 : 0;
}

SEC("tc") int kernel_symbol(struct __sk_buff* skb) {
  return &jiffies != 0;
}

char license_text[] SEC("license") = "GPL";
