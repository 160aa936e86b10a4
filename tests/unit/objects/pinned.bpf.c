// A map that asks to be pinned by its name.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
  __type(key, __u32);
  __type(value, __u32);
} settings SEC(".maps");

SEC("tc")
int reads_settings(struct __sk_buff* skb) {
  __u32 key = 1;
  __u32* value = bpf_map_lookup_elem(&settings, &key);
  return value ? (int)*value : 0;
}

char _license[] SEC("license") = "GPL";
