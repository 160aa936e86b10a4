// What cannot be loaded: each of these in a program of its own.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("?tc")
int missing_helper(struct __sk_buff* skb) {
  return bpf_get_current_task_btf() != 0;
}

SEC("?tc")
int gpl_helper(struct __sk_buff* skb) {
  char text[] = "x";
  return bpf_trace_printk(text, sizeof text);
}

SEC("?tc")
int no_such_helper(struct __sk_buff* skb) {
  long (*unknown)(void*) = (void*)4000;
  return unknown(skb);
}

char LICENSE[] SEC("license") = "Proprietary";
