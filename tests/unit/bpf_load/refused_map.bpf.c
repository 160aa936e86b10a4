// A map of a type that is not supported.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_STACK_TRACE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u32);
} stacks SEC(".maps");

SEC("tc")
int uses_it(struct __sk_buff* skb) {
  __u32 key = 0;
  return bpf_map_lookup_elem(&stacks, &key) != 0;
}

char LICENSE[] SEC("license") = "GPL";
