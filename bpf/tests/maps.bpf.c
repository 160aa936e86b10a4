// Map definitions with every member that .maps knows.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct flow_key {
  __u32 address;
  __u16 port;
} __attribute__((packed));
struct flow {
  __u64 packets, bytes;
};

int entry(struct __sk_buff* skb);
int next_program(struct __sk_buff* skb);

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct flow_key);
  __type(value, struct flow);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
} flows_of_the_whole_node_by_address SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 16);
  __uint(key_size, 8);
  __uint(value_size, 4);
  __uint(map_flags, BPF_F_NO_PREALLOC);
} routes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 3);
  __type(key, __u32);
  __type(value, __u64);
  __uint(key_size, 4);
} counters SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 4);
  __uint(key_size, 4);
  __array(values, int(struct __sk_buff*));
} jumps SEC(".maps") = {.values = {[1] = (void*)&next_program, [3] = (void*)&entry}};

SEC("tc") int next_program(struct __sk_buff* skb) {
  return 2;
}

SEC("tc") int entry(struct __sk_buff* skb) {
  struct flow_key key = {.address = skb->mark, .port = 80};
  __u64 zero = 0;
  __u32 index = 1;
  struct flow* flow = bpf_map_lookup_elem(&flows_of_the_whole_node_by_address, &key);
  __u64* counter = bpf_map_lookup_elem(&counters, &index);
  __u32* route = bpf_map_lookup_elem(&routes, &zero);
  if (flow) flow->packets++;
  if (counter) *counter += 1;
  if (route) return (int)*route;
  bpf_tail_call(skb, &jumps, 1);
  return 0;
}

char license_text[] SEC("license") = "GPL";
