// Global data: constants set before load, initialised and zero variables, static ones, sections of their own.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

enum mode { kOpen = 1, kClosed = 2 };
struct limits {
  __u16 low;
  __u16 high;
};

volatile const __u32 pod_ifindex = 5;
volatile const _Bool strict = 0;
volatile const enum mode mode = kClosed;
volatile const __u64 wide = 0x1122334455667788;
volatile const struct limits limits = {10, 20};
__u32 counter = 100;
__u64 seen;
static volatile __u32 hidden[4] = {1, 2, 3, 4};
__u8 scratch[16] SEC(".data.scratch") = {9};
volatile const __u16 port SEC(".rodata.ports") = 443;

SEC("tc") int uses_data(struct __sk_buff* skb) {
  static volatile __u32 calls;
  calls++;
  seen += skb->len;
  counter += pod_ifindex + hidden[2];
  scratch[1] = (__u8)skb->mark;
  if (strict && skb->len < limits.low + port) return 2;
  bpf_printk("mode %d", mode);
  return wide == skb->mark ? 2 : 0;
}

char license_text[] SEC("license") = "GPL";
