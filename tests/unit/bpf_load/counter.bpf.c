// Two programs that share a map, global data and a prog array.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow {
  __u32 source;
  __u32 destination;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, struct flow);
  __type(value, __u64);
} flows SEC(".maps");

const volatile __u32 blocked_protocol = 17;
__u64 packets;

int mark(struct __sk_buff* skb);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 2);
  __uint(key_size, sizeof(__u32));
  __array(values, int(void*));
} next SEC(".maps") = {.values = {[1] = (void*)&mark}};

SEC("tc")
int mark(struct __sk_buff* skb) {
  skb->mark = 42;
  __u8 ttl = 1;
  bpf_skb_store_bytes(skb, ETH_HLEN + 8, &ttl, 1, 0);
  return 7;
}

// A function of its own, called like any other.
static __attribute__((noinline)) void count(struct flow* flow) {
  __u64 one = 1;
  __u64* seen = bpf_map_lookup_elem(&flows, flow);
  if (seen)
    __sync_fetch_and_add(seen, 1);
  else
    bpf_map_update_elem(&flows, flow, &one, BPF_NOEXIST);
}

SEC("tc")
int entry(struct __sk_buff* skb) {
  void* data = (void*)(long)skb->data;
  struct iphdr* ip = data + ETH_HLEN;
  packets++;
  if ((void*)(ip + 1) > (void*)(long)skb->data_end || skb->protocol != bpf_htons(ETH_P_IP)) return 0;
  if (ip->protocol == blocked_protocol) return 2;
  struct flow flow = {ip->saddr, ip->daddr};
  count(&flow);
  bpf_tail_call(skb, &next, 1);
  return 3;
}

char LICENSE[] SEC("license") = "Apache-2.0";
