// A program that calls an entry program of another section as a plain function.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

static __attribute__((noinline)) int last_bits(__u32 number) {
  return (int)(number & 2);
}

__attribute__((noinline)) SEC("tc/other") int other_program(struct __sk_buff* skb) {
  return skb->mark == 7 ? 2 : last_bits(skb->mark);
}

SEC("tc/caller") int calls_program(struct __sk_buff* skb) {
  return other_program(skb);
}
