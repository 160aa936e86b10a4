// CO-RE relocations of every kind, against types that kernels have and types that none has.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct net {
  __u64 net_cookie;
};

typedef struct {
  struct net *net;
} possible_net_t;

// Fewer members than in the kernel, in another order.
struct net_device {
  char name[16];
  possible_net_t nd_net;
  unsigned int mtu;
  int ifindex;
};

struct sk_buff {
  __u32 mark;
  __u16 queue_mapping;
  unsigned int len;
  __u8 l4_hash : 1;
  __u8 pkt_type : 3;
  __u16 vlan_tci;
  unsigned char *head;
  struct net_device *dev;
  char cb[48];
};

// Wider and narrower than in the kernel.
struct sk_buff___sizes {
  __u64 mark;
  __u8 protocol;
};

// Signed, so that a width cannot change.
struct sk_buff___signed {
  long long hash;
};

struct sk_buff___old {
  __u32 of_long_ago;
};

struct no_such_type {
  int member;
};

struct ethhdr___flavour {
  unsigned char h_dest[6];
};

enum bpf_func_id___mine {
  BPF_FUNC_map_lookup_elem___mine = 3,
  BPF_FUNC_of_tomorrow = 10000,
};

enum bpf_attach_type___mine {
  BPF_NETKIT_PEER___mine = 7,
};

typedef __u64 u64;
typedef int no_such_typedef;

#pragma clang attribute pop

SEC("tc") int field_offsets(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  return skb->mark + skb->queue_mapping + skb->len + skb->vlan_tci + skb->cb[3];
}

SEC("tc") int field_chain(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  return BPF_CORE_READ(skb, dev, ifindex) + BPF_CORE_READ(skb, dev, nd_net.net, net_cookie) +
         BPF_CORE_READ(skb, dev, name[3]);
}

SEC("tc") int field_stores(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  skb->mark = 7;
  skb->queue_mapping = skb->len;
  skb->cb[5] = 1;
  return 0;
}

SEC("tc") int other_sizes(struct __sk_buff *ctx) {
  struct sk_buff___sizes *skb = (void *)ctx;
  return skb->mark + skb->protocol;
}

SEC("tc") int signed_size(struct __sk_buff *ctx) {
  struct sk_buff___signed *skb = (void *)ctx;
  return skb->hash;
}

SEC("tc") int bit_fields(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  return BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) + BPF_CORE_READ_BITFIELD_PROBED(skb, l4_hash);
}

SEC("tc") int direct_bit_field(struct __sk_buff *ctx) {
  struct sk_buff *skb = (void *)ctx;
  return BPF_CORE_READ_BITFIELD(skb, pkt_type);
}

SEC("tc") int existence(struct __sk_buff *ctx) {
  struct sk_buff___old *old = (void *)ctx;
  return bpf_core_field_exists(struct sk_buff, mark) + 2 * bpf_core_field_exists(old->of_long_ago) +
         4 * bpf_core_type_exists(struct net_device) + 8 * bpf_core_type_exists(struct no_such_type) +
         16 * bpf_core_type_exists(u64) + 32 * bpf_core_type_exists(no_such_typedef) +
         64 * bpf_core_field_exists(struct no_such_type, member);
}

SEC("tc") int guarded_field(struct __sk_buff *ctx) {
  struct sk_buff___old *old = (void *)ctx;
  return bpf_core_field_exists(old->of_long_ago) ? (int)old->of_long_ago : 3;
}

SEC("tc") int missing_field(struct __sk_buff *ctx) {
  struct sk_buff___old *old = (void *)ctx;
  return old->of_long_ago;
}

SEC("tc") int missing_type(struct __sk_buff *ctx) {
  struct no_such_type *thing = (void *)ctx;
  return BPF_CORE_READ(thing, member);
}

SEC("tc") int sizes(struct __sk_buff *ctx) {
  return bpf_core_field_size(struct net_device, name) + 100 * bpf_core_field_size(struct sk_buff, len) +
         10000 * bpf_core_type_size(struct ethhdr___flavour) + bpf_core_type_size(struct no_such_type);
}

SEC("tc") int signs(struct __sk_buff *ctx) {
  struct net_device *dev = (void *)ctx;
  return __builtin_preserve_field_info(dev->ifindex, BPF_FIELD_SIGNED) +
         2 * __builtin_preserve_field_info(dev->mtu, BPF_FIELD_SIGNED);
}

SEC("tc") int type_ids(struct __sk_buff *ctx) {
  return bpf_core_type_id_local(struct net_device) + 1000 * bpf_core_type_id_kernel(struct no_such_type);
}

SEC("tc") int kernel_type_id(struct __sk_buff *ctx) {
  return bpf_core_type_id_kernel(struct net_device);
}

SEC("tc") int enum_values(struct __sk_buff *ctx) {
  return bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_map_lookup_elem___mine) +
         100 * bpf_core_enum_value(enum bpf_attach_type___mine, BPF_NETKIT_PEER___mine);
}

SEC("tc") int enum_values_exist(struct __sk_buff *ctx) {
  return bpf_core_enum_value_exists(enum bpf_func_id___mine, BPF_FUNC_map_lookup_elem___mine) +
         2 * bpf_core_enum_value_exists(enum bpf_func_id___mine, BPF_FUNC_of_tomorrow);
}

SEC("tc") int missing_enum_value(struct __sk_buff *ctx) {
  return bpf_core_enum_value(enum bpf_func_id___mine, BPF_FUNC_of_tomorrow);
}

#if __clang_major__ >= 15
struct in_addr___same {
  __be32 s_addr;
};
struct in_addr___other {
  __be32 s_addr;
  int more;
};
SEC("tc") int type_matches(struct __sk_buff *ctx) {
  return bpf_core_type_matches(struct in_addr___same) + 2 * bpf_core_type_matches(struct in_addr___other) +
         4 * bpf_core_type_matches(struct no_such_type);
}
#endif

char license_text[] SEC("license") = "GPL";
