// Reads of the kernel's memory: struct sk_buff and what it leads to.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct net {
  __u64 net_cookie;
};
typedef struct {
  struct net *net;
} possible_net_t;
struct net_device {
  int ifindex;
  unsigned int mtu;
  possible_net_t nd_net;
  char name[16];
};
struct sk_buff {
  struct net_device *dev;
  unsigned int len;
  __u32 mark;
  __be16 protocol;
  __u8 pkt_type : 3;
  unsigned char *head;
  unsigned int end;
  __u16 mac_header;
  __u16 network_header;
};
struct skb_shared_info {
  unsigned short gso_size;
};
struct iphdr {
  __u8 ttl;
  __be32 daddr;
};
#pragma clang attribute pop

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern void *bpf_rdonly_cast(void *pointer, __u32 type_id) __ksym;

__u64 seen[8];
char text[16];
const volatile char words[] = "eleven chars";

SEC("tc") int fields(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  seen[0] = BPF_CORE_READ(skb, len);
  seen[1] = BPF_CORE_READ(skb, mark);
  seen[2] = bpf_ntohs(BPF_CORE_READ(skb, protocol));
  seen[3] = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
  seen[4] = BPF_CORE_READ(skb, dev, ifindex);
  seen[5] = BPF_CORE_READ(skb, dev, mtu);
  seen[6] = BPF_CORE_READ(skb, dev, nd_net.net, net_cookie);
  return BPF_CORE_READ_STR_INTO(&text, skb, dev, name);
}

SEC("tc") int packet_bytes(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  struct iphdr *ip = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header));
  __u8 ttl = 0;
  __u32 destination = 0;
  bpf_probe_read_kernel(&ttl, sizeof(ttl), (void *)ip + 8);
  bpf_probe_read_kernel(&destination, sizeof(destination), (void *)ip + 16);
  seen[0] = ttl;
  seen[1] = bpf_ntohl(destination);
  return 0;
}

SEC("tc") int typed_pointers(struct __sk_buff *ctx) {
  struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
  seen[0] = skb->len;
  seen[1] = skb->dev->ifindex;
  seen[2] = skb->dev->nd_net.net->net_cookie;
  struct skb_shared_info *shared =
      bpf_rdonly_cast(skb->head + skb->end, bpf_core_type_id_kernel(struct skb_shared_info));
  seen[3] = shared->gso_size;
  struct sk_buff *again = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff));
  seen[4] = again->mark;
  struct net_device *nothing = bpf_rdonly_cast((void *)8, bpf_core_type_id_kernel(struct net_device));
  seen[5] = nothing->ifindex;
  return 0;
}

SEC("tc") int bad_addresses(struct __sk_buff *ctx) {
  __u64 value = 5;
  seen[0] = bpf_probe_read_kernel(&value, sizeof(value), (void *)0);
  seen[1] = value;
  value = 5;
  seen[2] = bpf_probe_read_kernel(&value, sizeof(value), (void *)0xffffdead00000000);
  seen[3] = value;
  value = 5;
  seen[4] = bpf_probe_read_user(&value, sizeof(value), (void *)8);
  seen[5] = value;
  text[0] = 'x';
  seen[6] = bpf_probe_read_kernel_str(text, sizeof(text), (void *)0);
  seen[7] = text[0];
  return 0;
}

SEC("tc") int own_memory(struct __sk_buff *ctx) {
  __u64 value = 77, copy = 0;
  bpf_probe_read_kernel(&copy, sizeof(copy), &value);
  seen[0] = copy;
  seen[1] = bpf_probe_read_kernel_str(text, sizeof(text), (void *)words);
  seen[2] = bpf_probe_read_kernel_str(text, 5, (void *)words);
  seen[3] = text[4];
  seen[4] = bpf_probe_read_kernel_str(text, 0, (void *)words);
  return 0;
}

char license_text[] SEC("license") = "GPL";
