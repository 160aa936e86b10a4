// Formats the arguments in the map "arguments" by the read-only variable "format", which the test sets.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile char format[64];

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64[12]);
} arguments SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, char[256]);
} text SEC(".maps");

SEC("tc")
int print(struct __sk_buff* skb) {
  __u32 zero = 0;
  __u64* values = bpf_map_lookup_elem(&arguments, &zero);
  char* out = bpf_map_lookup_elem(&text, &zero);
  if (!values || !out) return -1;
  return bpf_snprintf(out, 256, (const char*)format, values, 96);
}

char LICENSE[] SEC("license") = "GPL";
