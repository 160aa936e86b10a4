/* The kernel objects that programs can read: their layout, in C, for the images that programs read
 * (bpf/run/kernel_images.h) and, compiled to BTF, for what CO-RE relocates against
 * (bpf/object/kernel_types.bpf.c).
 *
 * Names and kinds of fields are the kernel's (include/linux/skbuff.h, netdevice.h, net/net_namespace.h). The
 * layout is ours, and so is the choice: a field that is not here has nothing to show, and CO-RE says of it
 * that it does not exist. Pointers hold addresses that bpf_probe_read_kernel reads.
 */
#ifndef NETKIT_BPF_RUN_KERNEL_OBJECTS_H
#define NETKIT_BPF_RUN_KERNEL_OBJECTS_H

#ifdef __cplusplus
#include <linux/types.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* unnamed structs, as in the kernel */
namespace netkit::bpf::kernel {
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 ktime_t;
typedef unsigned int sk_buff_data_t;

struct ns_common {
  unsigned int inum;
};

struct net_device;

struct net {
  int ifindex;
  struct ns_common ns;
  struct net_device* loopback_dev;
  u64 net_cookie;
};

typedef struct {
  struct net* net;
} possible_net_t;

struct net_device {
  unsigned int mtu;
  unsigned short needed_headroom;
  unsigned short hard_header_len;
  unsigned long state;
  unsigned int flags;
  int ifindex;
  possible_net_t nd_net;
  char name[16];
  unsigned short needed_tailroom;
  unsigned short type;
  unsigned int min_mtu;
  unsigned int max_mtu;
  int group;
  unsigned int operstate;
  unsigned char perm_addr[32];
  unsigned char addr_len;
  const unsigned char* dev_addr;
  unsigned char broadcast[32];
};

struct in6_addr {
  union {
    __u8 u6_addr8[16];
    __be16 u6_addr16[8];
    __be32 u6_addr32[4];
  } in6_u;
};

struct sock_common {
  union {
    struct {
      __be32 skc_daddr;
      __be32 skc_rcv_saddr;
    };
  };
  union {
    unsigned int skc_hash;
  };
  union {
    struct {
      __be16 skc_dport;
      __u16 skc_num;
    };
  };
  unsigned short skc_family;
  volatile unsigned char skc_state;
  int skc_bound_dev_if;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr;
  struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
  struct sock_common __sk_common;
  u16 sk_type;
  u16 sk_protocol;
  __u32 sk_priority;
  __u32 sk_mark;
};

struct sk_buff {
  union {
    struct {
      struct sk_buff* next;
      struct sk_buff* prev;
      union {
        struct net_device* dev;
        unsigned long dev_scratch;
      };
    };
  };
  struct sock* sk;
  union {
    ktime_t tstamp;
    u64 skb_mstamp_ns;
  };
  char cb[48];
  unsigned long _skb_refdst;
  unsigned int len;
  unsigned int data_len;
  __u16 mac_len;
  __u16 hdr_len;
  __u16 queue_mapping;
  __u8 cloned : 1;
  __u8 nohdr : 1;
  union {
    struct {
      __u8 pkt_type : 3;
      __u8 ignore_df : 1;
      __u8 dst_pending_confirm : 1;
      __u8 ip_summed : 2;
      __u8 ooo_okay : 1;
      __u8 tstamp_type : 2;
      __u8 tc_at_ingress : 1;
      __u8 tc_skip_classify : 1;
      __u8 remcsum_offload : 1;
      __u8 csum_complete_sw : 1;
      __u8 csum_level : 2;
      __u8 inner_protocol_type : 1;
      __u8 l4_hash : 1;
      __u8 sw_hash : 1;
      __u8 encapsulation : 1;
      __u8 csum_valid : 1;
      __u8 redirected : 1;
      __u8 from_ingress : 1;
      __u8 nf_skip_egress : 1;
      __u16 tc_index;
      union {
        __wsum csum;
        struct {
          __u16 csum_start;
          __u16 csum_offset;
        };
      };
      __u32 priority;
      int skb_iif;
      __u32 hash;
      union {
        u32 vlan_all;
        struct {
          __be16 vlan_proto;
          __u16 vlan_tci;
        };
      };
      union {
        unsigned int napi_id;
        unsigned int sender_cpu;
      };
      union {
        __u32 mark;
        __u32 reserved_tailroom;
      };
      __u16 inner_transport_header;
      __u16 inner_network_header;
      __u16 inner_mac_header;
      __be16 protocol;
      __u16 transport_header;
      __u16 network_header;
      __u16 mac_header;
    };
  };
  sk_buff_data_t tail;
  sk_buff_data_t end;
  unsigned char* head;
  unsigned char* data;
  unsigned int truesize;
};

/* What the kernel keeps behind the bytes of a packet, at head + end. */
struct skb_shared_info {
  __u8 flags;
  __u8 meta_len;
  __u8 nr_frags;
  __u8 tx_flags;
  unsigned short gso_size;
  unsigned short gso_segs;
  struct sk_buff* frag_list;
  unsigned int gso_type;
};

#ifdef __cplusplus
} /* namespace netkit::bpf::kernel */
#pragma GCC diagnostic pop
#endif

#endif
