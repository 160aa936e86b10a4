// Functions behind programs: static and global subprograms, shared ones, callbacks.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct sum {
  __u32 total;
};

static __attribute__((noinline)) __u32 innermost(struct __sk_buff* skb) {
  return skb->mark + 1;
}

static __attribute__((noinline)) __u32 middle(struct __sk_buff* skb) {
  return innermost(skb) * 3 + skb->len;
}

__attribute__((noinline)) int global_function(struct __sk_buff* skb) {
  return skb->len > 100 ? 2 : 0;
}

static long add_index(__u32 index, struct sum* sum) {
  sum->total += index;
  return 0;
}

SEC("tc") int calls_nothing(struct __sk_buff* skb) {
  return 0;
}

SEC("tc") int calls_static(struct __sk_buff* skb) {
  return (int)(middle(skb) & 2);
}

SEC("tc") int calls_all(struct __sk_buff* skb) {
  struct sum sum = {};
  if (global_function(skb)) return 2;
  bpf_loop(4, add_index, &sum, 0);
  return (int)((middle(skb) + innermost(skb) + sum.total) & 2);
}

char license_text[] SEC("license") = "GPL";
