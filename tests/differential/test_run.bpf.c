// What a test run shows of its packet, and what it gives back of what a program changes.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

struct seen {
  __u32 len, linear, pkt_type, mark, queue_mapping, protocol, vlan_present, priority;
  __u32 ingress_ifindex, ifindex, tc_index, cb[5], tc_classid, napi_id, wire_len, gso_segs;
  __u32 gso_size, tstamp_type;
  __u64 tstamp, hwtstamp;
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct seen);
} seen SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} marks SEC(".maps");

SEC("tc")
int look(struct __sk_buff *skb) {
  __u32 zero = 0;
  struct seen *seen_now = bpf_map_lookup_elem(&seen, &zero);
  if (!seen_now) return -2;
  seen_now->len = skb->len;
  seen_now->linear = (long)skb->data_end - (long)skb->data;
  seen_now->pkt_type = skb->pkt_type;
  seen_now->mark = skb->mark;
  seen_now->queue_mapping = skb->queue_mapping;
  seen_now->protocol = skb->protocol;
  seen_now->vlan_present = skb->vlan_present;
  seen_now->priority = skb->priority;
  seen_now->ingress_ifindex = skb->ingress_ifindex;
  seen_now->ifindex = skb->ifindex;
  seen_now->tc_index = skb->tc_index;
  for (int i = 0; i < 5; i++) seen_now->cb[i] = skb->cb[i];
  seen_now->tc_classid = skb->tc_classid;
  seen_now->napi_id = skb->napi_id;
  seen_now->wire_len = skb->wire_len;
  seen_now->gso_segs = skb->gso_segs;
  seen_now->gso_size = skb->gso_size;
  seen_now->tstamp_type = skb->tstamp_type;
  seen_now->tstamp = skb->tstamp;
  seen_now->hwtstamp = skb->hwtstamp;
  return skb->len;
}

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 32);
  __type(key, __u32);
  __type(value, __u32);
} socket SEC(".maps");

static __always_inline void note(__u32 slot, __u32 value) {
  bpf_map_update_elem(&socket, &slot, &value, BPF_ANY);
}

SEC("tc")
int sock(struct __sk_buff *skb) {
  struct bpf_sock *sk = skb->sk;
  note(0, sk != 0);
  note(1, bpf_get_socket_uid(skb));
  note(2, bpf_get_socket_cookie(skb) != 0);
  if (!sk) return 1;
  note(3, sk->family);
  sk = bpf_sk_fullsock(sk);
  if (!sk) return 2;
  note(4, sk->type);
  note(5, sk->protocol);
  note(6, sk->bound_dev_if);
  note(7, sk->mark);
  note(8, sk->priority);
  note(9, sk->src_ip4);
  note(10, sk->dst_ip4);
  note(11, sk->src_port);
  note(12, sk->dst_port);
  note(13, sk->state);
  note(14, sk->rx_queue_mapping);
  for (int i = 0; i < 4; i++) {
    note(15 + i, sk->src_ip6[i]);
    note(19 + i, sk->dst_ip6[i]);
  }
  return 0;
}

SEC("tc")
int change(struct __sk_buff *skb) {
  __u32 key = skb->mark;
  __u64 one = 1, *count = bpf_map_lookup_elem(&marks, &key);
  if (count) {
    *count += 1;
  } else {
    bpf_map_update_elem(&marks, &key, &one, BPF_ANY);
  }
  skb->mark += 1;
  skb->priority = 7;
  skb->tc_index = 3;
  skb->cb[1] += 2;
  skb->tstamp = 99;
  __u8 byte = key;
  bpf_skb_store_bytes(skb, 6, &byte, 1, 0);
  return -1;
}

SEC("tc")
int grow(struct __sk_buff *skb) {
  return bpf_skb_change_tail(skb, skb->len + 16, 0);
}

SEC("tc")
int redirect(struct __sk_buff *skb) {
  return bpf_redirect(skb->cb[0], 0);
}

char _license[] SEC("license") = "GPL";
