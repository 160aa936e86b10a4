// The types that CO-RE relocations of programs are resolved against, as BTF: what a program may ask of "the
// kernel" here. The user interface is that of Linux 7.3 (include/uapi/linux); of the kernel's own types those
// are here whose objects programs can read. Which helpers and map types exist is not said here: the loader
// asks their tables (LinkOptions::provides).
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef unsigned long size_t;
typedef unsigned long uintptr_t;

#include "run/kernel_objects.h"

// ---- linux/bpf.h ----
enum bpf_map_type {
  BPF_MAP_TYPE_UNSPEC = 0,
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PROG_ARRAY = 3,
  BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
  BPF_MAP_TYPE_PERCPU_HASH = 5,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_STACK_TRACE = 7,
  BPF_MAP_TYPE_CGROUP_ARRAY = 8,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
  BPF_MAP_TYPE_LPM_TRIE = 11,
  BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
  BPF_MAP_TYPE_HASH_OF_MAPS = 13,
  BPF_MAP_TYPE_DEVMAP = 14,
  BPF_MAP_TYPE_SOCKMAP = 15,
  BPF_MAP_TYPE_CPUMAP = 16,
  BPF_MAP_TYPE_XSKMAP = 17,
  BPF_MAP_TYPE_SOCKHASH = 18,
  BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED = 19,
  BPF_MAP_TYPE_CGROUP_STORAGE = 19,
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY = 20,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE_DEPRECATED = 21,
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE = 21,
  BPF_MAP_TYPE_QUEUE = 22,
  BPF_MAP_TYPE_STACK = 23,
  BPF_MAP_TYPE_SK_STORAGE = 24,
  BPF_MAP_TYPE_DEVMAP_HASH = 25,
  BPF_MAP_TYPE_STRUCT_OPS = 26,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_INODE_STORAGE = 28,
  BPF_MAP_TYPE_TASK_STORAGE = 29,
  BPF_MAP_TYPE_BLOOM_FILTER = 30,
  BPF_MAP_TYPE_USER_RINGBUF = 31,
  BPF_MAP_TYPE_CGRP_STORAGE = 32,
  BPF_MAP_TYPE_ARENA = 33,
  __MAX_BPF_MAP_TYPE = 34,
};

enum bpf_func_id {
  BPF_FUNC_unspec = 0,
  BPF_FUNC_map_lookup_elem = 1,
  BPF_FUNC_map_update_elem = 2,
  BPF_FUNC_map_delete_elem = 3,
  BPF_FUNC_probe_read = 4,
  BPF_FUNC_ktime_get_ns = 5,
  BPF_FUNC_trace_printk = 6,
  BPF_FUNC_get_prandom_u32 = 7,
  BPF_FUNC_get_smp_processor_id = 8,
  BPF_FUNC_skb_store_bytes = 9,
  BPF_FUNC_l3_csum_replace = 10,
  BPF_FUNC_l4_csum_replace = 11,
  BPF_FUNC_tail_call = 12,
  BPF_FUNC_clone_redirect = 13,
  BPF_FUNC_get_current_pid_tgid = 14,
  BPF_FUNC_get_current_uid_gid = 15,
  BPF_FUNC_get_current_comm = 16,
  BPF_FUNC_get_cgroup_classid = 17,
  BPF_FUNC_skb_vlan_push = 18,
  BPF_FUNC_skb_vlan_pop = 19,
  BPF_FUNC_skb_get_tunnel_key = 20,
  BPF_FUNC_skb_set_tunnel_key = 21,
  BPF_FUNC_perf_event_read = 22,
  BPF_FUNC_redirect = 23,
  BPF_FUNC_get_route_realm = 24,
  BPF_FUNC_perf_event_output = 25,
  BPF_FUNC_skb_load_bytes = 26,
  BPF_FUNC_get_stackid = 27,
  BPF_FUNC_csum_diff = 28,
  BPF_FUNC_skb_get_tunnel_opt = 29,
  BPF_FUNC_skb_set_tunnel_opt = 30,
  BPF_FUNC_skb_change_proto = 31,
  BPF_FUNC_skb_change_type = 32,
  BPF_FUNC_skb_under_cgroup = 33,
  BPF_FUNC_get_hash_recalc = 34,
  BPF_FUNC_get_current_task = 35,
  BPF_FUNC_probe_write_user = 36,
  BPF_FUNC_current_task_under_cgroup = 37,
  BPF_FUNC_skb_change_tail = 38,
  BPF_FUNC_skb_pull_data = 39,
  BPF_FUNC_csum_update = 40,
  BPF_FUNC_set_hash_invalid = 41,
  BPF_FUNC_get_numa_node_id = 42,
  BPF_FUNC_skb_change_head = 43,
  BPF_FUNC_xdp_adjust_head = 44,
  BPF_FUNC_probe_read_str = 45,
  BPF_FUNC_get_socket_cookie = 46,
  BPF_FUNC_get_socket_uid = 47,
  BPF_FUNC_set_hash = 48,
  BPF_FUNC_setsockopt = 49,
  BPF_FUNC_skb_adjust_room = 50,
  BPF_FUNC_redirect_map = 51,
  BPF_FUNC_sk_redirect_map = 52,
  BPF_FUNC_sock_map_update = 53,
  BPF_FUNC_xdp_adjust_meta = 54,
  BPF_FUNC_perf_event_read_value = 55,
  BPF_FUNC_perf_prog_read_value = 56,
  BPF_FUNC_getsockopt = 57,
  BPF_FUNC_override_return = 58,
  BPF_FUNC_sock_ops_cb_flags_set = 59,
  BPF_FUNC_msg_redirect_map = 60,
  BPF_FUNC_msg_apply_bytes = 61,
  BPF_FUNC_msg_cork_bytes = 62,
  BPF_FUNC_msg_pull_data = 63,
  BPF_FUNC_bind = 64,
  BPF_FUNC_xdp_adjust_tail = 65,
  BPF_FUNC_skb_get_xfrm_state = 66,
  BPF_FUNC_get_stack = 67,
  BPF_FUNC_skb_load_bytes_relative = 68,
  BPF_FUNC_fib_lookup = 69,
  BPF_FUNC_sock_hash_update = 70,
  BPF_FUNC_msg_redirect_hash = 71,
  BPF_FUNC_sk_redirect_hash = 72,
  BPF_FUNC_lwt_push_encap = 73,
  BPF_FUNC_lwt_seg6_store_bytes = 74,
  BPF_FUNC_lwt_seg6_adjust_srh = 75,
  BPF_FUNC_lwt_seg6_action = 76,
  BPF_FUNC_rc_repeat = 77,
  BPF_FUNC_rc_keydown = 78,
  BPF_FUNC_skb_cgroup_id = 79,
  BPF_FUNC_get_current_cgroup_id = 80,
  BPF_FUNC_get_local_storage = 81,
  BPF_FUNC_sk_select_reuseport = 82,
  BPF_FUNC_skb_ancestor_cgroup_id = 83,
  BPF_FUNC_sk_lookup_tcp = 84,
  BPF_FUNC_sk_lookup_udp = 85,
  BPF_FUNC_sk_release = 86,
  BPF_FUNC_map_push_elem = 87,
  BPF_FUNC_map_pop_elem = 88,
  BPF_FUNC_map_peek_elem = 89,
  BPF_FUNC_msg_push_data = 90,
  BPF_FUNC_msg_pop_data = 91,
  BPF_FUNC_rc_pointer_rel = 92,
  BPF_FUNC_spin_lock = 93,
  BPF_FUNC_spin_unlock = 94,
  BPF_FUNC_sk_fullsock = 95,
  BPF_FUNC_tcp_sock = 96,
  BPF_FUNC_skb_ecn_set_ce = 97,
  BPF_FUNC_get_listener_sock = 98,
  BPF_FUNC_skc_lookup_tcp = 99,
  BPF_FUNC_tcp_check_syncookie = 100,
  BPF_FUNC_sysctl_get_name = 101,
  BPF_FUNC_sysctl_get_current_value = 102,
  BPF_FUNC_sysctl_get_new_value = 103,
  BPF_FUNC_sysctl_set_new_value = 104,
  BPF_FUNC_strtol = 105,
  BPF_FUNC_strtoul = 106,
  BPF_FUNC_sk_storage_get = 107,
  BPF_FUNC_sk_storage_delete = 108,
  BPF_FUNC_send_signal = 109,
  BPF_FUNC_tcp_gen_syncookie = 110,
  BPF_FUNC_skb_output = 111,
  BPF_FUNC_probe_read_user = 112,
  BPF_FUNC_probe_read_kernel = 113,
  BPF_FUNC_probe_read_user_str = 114,
  BPF_FUNC_probe_read_kernel_str = 115,
  BPF_FUNC_tcp_send_ack = 116,
  BPF_FUNC_send_signal_thread = 117,
  BPF_FUNC_jiffies64 = 118,
  BPF_FUNC_read_branch_records = 119,
  BPF_FUNC_get_ns_current_pid_tgid = 120,
  BPF_FUNC_xdp_output = 121,
  BPF_FUNC_get_netns_cookie = 122,
  BPF_FUNC_get_current_ancestor_cgroup_id = 123,
  BPF_FUNC_sk_assign = 124,
  BPF_FUNC_ktime_get_boot_ns = 125,
  BPF_FUNC_seq_printf = 126,
  BPF_FUNC_seq_write = 127,
  BPF_FUNC_sk_cgroup_id = 128,
  BPF_FUNC_sk_ancestor_cgroup_id = 129,
  BPF_FUNC_ringbuf_output = 130,
  BPF_FUNC_ringbuf_reserve = 131,
  BPF_FUNC_ringbuf_submit = 132,
  BPF_FUNC_ringbuf_discard = 133,
  BPF_FUNC_ringbuf_query = 134,
  BPF_FUNC_csum_level = 135,
  BPF_FUNC_skc_to_tcp6_sock = 136,
  BPF_FUNC_skc_to_tcp_sock = 137,
  BPF_FUNC_skc_to_tcp_timewait_sock = 138,
  BPF_FUNC_skc_to_tcp_request_sock = 139,
  BPF_FUNC_skc_to_udp6_sock = 140,
  BPF_FUNC_get_task_stack = 141,
  BPF_FUNC_load_hdr_opt = 142,
  BPF_FUNC_store_hdr_opt = 143,
  BPF_FUNC_reserve_hdr_opt = 144,
  BPF_FUNC_inode_storage_get = 145,
  BPF_FUNC_inode_storage_delete = 146,
  BPF_FUNC_d_path = 147,
  BPF_FUNC_copy_from_user = 148,
  BPF_FUNC_snprintf_btf = 149,
  BPF_FUNC_seq_printf_btf = 150,
  BPF_FUNC_skb_cgroup_classid = 151,
  BPF_FUNC_redirect_neigh = 152,
  BPF_FUNC_per_cpu_ptr = 153,
  BPF_FUNC_this_cpu_ptr = 154,
  BPF_FUNC_redirect_peer = 155,
  BPF_FUNC_task_storage_get = 156,
  BPF_FUNC_task_storage_delete = 157,
  BPF_FUNC_get_current_task_btf = 158,
  BPF_FUNC_bprm_opts_set = 159,
  BPF_FUNC_ktime_get_coarse_ns = 160,
  BPF_FUNC_ima_inode_hash = 161,
  BPF_FUNC_sock_from_file = 162,
  BPF_FUNC_check_mtu = 163,
  BPF_FUNC_for_each_map_elem = 164,
  BPF_FUNC_snprintf = 165,
  BPF_FUNC_sys_bpf = 166,
  BPF_FUNC_btf_find_by_name_kind = 167,
  BPF_FUNC_sys_close = 168,
  BPF_FUNC_timer_init = 169,
  BPF_FUNC_timer_set_callback = 170,
  BPF_FUNC_timer_start = 171,
  BPF_FUNC_timer_cancel = 172,
  BPF_FUNC_get_func_ip = 173,
  BPF_FUNC_get_attach_cookie = 174,
  BPF_FUNC_task_pt_regs = 175,
  BPF_FUNC_get_branch_snapshot = 176,
  BPF_FUNC_trace_vprintk = 177,
  BPF_FUNC_skc_to_unix_sock = 178,
  BPF_FUNC_kallsyms_lookup_name = 179,
  BPF_FUNC_find_vma = 180,
  BPF_FUNC_loop = 181,
  BPF_FUNC_strncmp = 182,
  BPF_FUNC_get_func_arg = 183,
  BPF_FUNC_get_func_ret = 184,
  BPF_FUNC_get_func_arg_cnt = 185,
  BPF_FUNC_get_retval = 186,
  BPF_FUNC_set_retval = 187,
  BPF_FUNC_xdp_get_buff_len = 188,
  BPF_FUNC_xdp_load_bytes = 189,
  BPF_FUNC_xdp_store_bytes = 190,
  BPF_FUNC_copy_from_user_task = 191,
  BPF_FUNC_skb_set_tstamp = 192,
  BPF_FUNC_ima_file_hash = 193,
  BPF_FUNC_kptr_xchg = 194,
  BPF_FUNC_map_lookup_percpu_elem = 195,
  BPF_FUNC_skc_to_mptcp_sock = 196,
  BPF_FUNC_dynptr_from_mem = 197,
  BPF_FUNC_ringbuf_reserve_dynptr = 198,
  BPF_FUNC_ringbuf_submit_dynptr = 199,
  BPF_FUNC_ringbuf_discard_dynptr = 200,
  BPF_FUNC_dynptr_read = 201,
  BPF_FUNC_dynptr_write = 202,
  BPF_FUNC_dynptr_data = 203,
  BPF_FUNC_tcp_raw_gen_syncookie_ipv4 = 204,
  BPF_FUNC_tcp_raw_gen_syncookie_ipv6 = 205,
  BPF_FUNC_tcp_raw_check_syncookie_ipv4 = 206,
  BPF_FUNC_tcp_raw_check_syncookie_ipv6 = 207,
  BPF_FUNC_ktime_get_tai_ns = 208,
  BPF_FUNC_user_ringbuf_drain = 209,
  BPF_FUNC_cgrp_storage_get = 210,
  BPF_FUNC_cgrp_storage_delete = 211,
  __BPF_FUNC_MAX_ID = 212,
};

enum bpf_adj_room_mode {
  BPF_ADJ_ROOM_NET = 0,
  BPF_ADJ_ROOM_MAC = 1,
};

enum bpf_hdr_start_off {
  BPF_HDR_START_MAC = 0,
  BPF_HDR_START_NET = 1,
};

enum bpf_prog_type {
  BPF_PROG_TYPE_UNSPEC = 0,
  BPF_PROG_TYPE_SCHED_CLS = 3,
  BPF_PROG_TYPE_SCHED_ACT = 4,
};

enum bpf_attach_type {
  BPF_TCX_INGRESS = 46,
  BPF_TCX_EGRESS = 47,
  BPF_NETKIT_PRIMARY = 54,
  BPF_NETKIT_PEER = 55,
};

enum bpf_link_type {
  BPF_LINK_TYPE_UNSPEC = 0,
  BPF_LINK_TYPE_TCX = 11,
  BPF_LINK_TYPE_NETKIT = 13,
};

enum bpf_check_mtu_flags {
  BPF_MTU_CHK_SEGS = 1,
};

enum bpf_check_mtu_ret {
  BPF_MTU_CHK_RET_SUCCESS = 0,
  BPF_MTU_CHK_RET_FRAG_NEEDED = 1,
  BPF_MTU_CHK_RET_SEGS_TOOBIG = 2,
};

enum bpf_ret_code {
  BPF_OK = 0,
  BPF_DROP = 2,
  BPF_REDIRECT = 7,
  BPF_LWT_REROUTE = 128,
  BPF_FLOW_DISSECTOR_CONTINUE = 129,
};

enum tcx_action_base {
  TCX_NEXT = -1,
  TCX_PASS = 0,
  TCX_DROP = 2,
  TCX_REDIRECT = 7,
};

enum netkit_action {
  NETKIT_NEXT = -1,
  NETKIT_PASS = 0,
  NETKIT_DROP = 2,
  NETKIT_REDIRECT = 7,
};

struct bpf_flow_keys;
struct bpf_sock;

struct bpf_sock {
  __u32 bound_dev_if;
  __u32 family;
  __u32 type;
  __u32 protocol;
  __u32 mark;
  __u32 priority;
  __u32 src_ip4;
  __u32 src_ip6[4];
  __u32 src_port;
  __be16 dst_port;
  __u32 dst_ip4;
  __u32 dst_ip6[4];
  __u32 state;
  __s32 rx_queue_mapping;
};

struct __sk_buff {
  __u32 len;
  __u32 pkt_type;
  __u32 mark;
  __u32 queue_mapping;
  __u32 protocol;
  __u32 vlan_present;
  __u32 vlan_tci;
  __u32 vlan_proto;
  __u32 priority;
  __u32 ingress_ifindex;
  __u32 ifindex;
  __u32 tc_index;
  __u32 cb[5];
  __u32 hash;
  __u32 tc_classid;
  __u32 data;
  __u32 data_end;
  __u32 napi_id;
  __u32 family;
  __u32 remote_ip4;
  __u32 local_ip4;
  __u32 remote_ip6[4];
  __u32 local_ip6[4];
  __u32 remote_port;
  __u32 local_port;
  __u32 data_meta;
  union {
    struct bpf_flow_keys* flow_keys;
  };
  __u64 tstamp;
  __u32 wire_len;
  __u32 gso_segs;
  union {
    struct bpf_sock* sk;
  };
  __u32 gso_size;
  __u8 tstamp_type;
  __u64 hwtstamp;
};

struct bpf_tcp_sock {
  __u32 snd_cwnd;
  __u32 srtt_us;
  __u32 rtt_min;
  __u32 snd_ssthresh;
  __u32 rcv_nxt;
  __u32 snd_nxt;
  __u32 snd_una;
  __u32 mss_cache;
  __u32 ecn_flags;
  __u32 rate_delivered;
  __u32 rate_interval_us;
  __u32 packets_out;
  __u32 retrans_out;
  __u32 total_retrans;
  __u32 segs_in;
  __u32 data_segs_in;
  __u32 segs_out;
  __u32 data_segs_out;
  __u32 lost_out;
  __u32 sacked_out;
  __u64 bytes_received;
  __u64 bytes_acked;
  __u32 dsack_dups;
  __u32 delivered;
  __u32 delivered_ce;
  __u32 icsk_retransmits;
};

struct bpf_sock_tuple {
  union {
    struct {
      __be32 saddr;
      __be32 daddr;
      __be16 sport;
      __be16 dport;
    } ipv4;
    struct {
      __be32 saddr[4];
      __be32 daddr[4];
      __be16 sport;
      __be16 dport;
    } ipv6;
  };
};

struct bpf_tunnel_key {
  __u32 tunnel_id;
  union {
    __u32 remote_ipv4;
    __u32 remote_ipv6[4];
  };
  __u8 tunnel_tos;
  __u8 tunnel_ttl;
  union {
    __u16 tunnel_ext;
    __be16 tunnel_flags;
  };
  __u32 tunnel_label;
  union {
    __u32 local_ipv4;
    __u32 local_ipv6[4];
  };
};

struct bpf_xfrm_state {
  __u32 reqid;
  __u32 spi;
  __u16 family;
  __u16 ext;
  union {
    __u32 remote_ipv4;
    __u32 remote_ipv6[4];
  };
};

struct bpf_redir_neigh {
  __u32 nh_family;
  union {
    __be32 ipv4_nh;
    __u32 ipv6_nh[4];
  };
};

struct bpf_fib_lookup {
  __u8 family;
  __u8 l4_protocol;
  __be16 sport;
  __be16 dport;
  union {
    __u16 tot_len;
    __u16 mtu_result;
  };
  __u32 ifindex;
  union {
    __u8 tos;
    __be32 flowinfo;
    __u32 rt_metric;
  };
  union {
    __be32 ipv4_src;
    __u32 ipv6_src[4];
  };
  union {
    __be32 ipv4_dst;
    __u32 ipv6_dst[4];
  };
  union {
    struct {
      __be16 h_vlan_proto;
      __be16 h_vlan_TCI;
    };
    __u32 tbid;
  };
  union {
    struct {
      __u32 mark;
    };
    struct {
      __u8 smac[6];
      __u8 dmac[6];
    };
  };
};

struct bpf_devmap_val {
  __u32 ifindex;
  union {
    int fd;
    __u32 id;
  } bpf_prog;
};

struct bpf_spin_lock {
  __u32 val;
};

struct bpf_timer {
  __u64 __opaque[2];
};

struct bpf_dynptr {
  __u64 __opaque[2];
};

struct bpf_iter_num {
  __u64 __opaque[1];
};

struct btf_ptr {
  void* ptr;
  __u32 type_id;
  __u32 flags;
};

struct bpf_lpm_trie_key {
  __u32 prefixlen;
  __u8 data[0];
};

struct bpf_lpm_trie_key_hdr {
  __u32 prefixlen;
};

struct bpf_lpm_trie_key_u8 {
  union {
    struct bpf_lpm_trie_key_hdr hdr;
    __u32 prefixlen;
  };
  __u8 data[0];
};

// ---- protocol headers ----
struct in_addr {
  __be32 s_addr;
};

struct ethhdr {
  unsigned char h_dest[6];
  unsigned char h_source[6];
  __be16 h_proto;
};

struct vlan_hdr {
  __be16 h_vlan_TCI;
  __be16 h_vlan_encapsulated_proto;
};

struct vlan_ethhdr {
  union {
    struct {
      unsigned char h_dest[6];
      unsigned char h_source[6];
    };
    struct {
      unsigned char h_dest[6];
      unsigned char h_source[6];
    } addrs;
  };
  __be16 h_vlan_proto;
  __be16 h_vlan_TCI;
  __be16 h_vlan_encapsulated_proto;
};

struct arphdr {
  __be16 ar_hrd;
  __be16 ar_pro;
  unsigned char ar_hln;
  unsigned char ar_pln;
  __be16 ar_op;
};

struct iphdr {
  __u8 ihl : 4;
  __u8 version : 4;
  __u8 tos;
  __be16 tot_len;
  __be16 id;
  __be16 frag_off;
  __u8 ttl;
  __u8 protocol;
  __sum16 check;
  union {
    struct {
      __be32 saddr;
      __be32 daddr;
    };
    struct {
      __be32 saddr;
      __be32 daddr;
    } addrs;
  };
};

struct ip_auth_hdr {
  __u8 nexthdr;
  __u8 hdrlen;
  __be16 reserved;
  __be32 spi;
  __be32 seq_no;
  __u8 auth_data[0];
};

struct ip_esp_hdr {
  __be32 spi;
  __be32 seq_no;
  __u8 enc_data[0];
};

struct ipv6hdr {
  __u8 priority : 4;
  __u8 version : 4;
  __u8 flow_lbl[3];
  __be16 payload_len;
  __u8 nexthdr;
  __u8 hop_limit;
  union {
    struct {
      struct in6_addr saddr;
      struct in6_addr daddr;
    };
    struct {
      struct in6_addr saddr;
      struct in6_addr daddr;
    } addrs;
  };
};

struct ipv6_opt_hdr {
  __u8 nexthdr;
  __u8 hdrlen;
};

struct ipv6_rt_hdr {
  __u8 nexthdr;
  __u8 hdrlen;
  __u8 type;
  __u8 segments_left;
};

struct frag_hdr {
  __u8 nexthdr;
  __u8 reserved;
  __be16 frag_off;
  __be32 identification;
};

struct tcphdr {
  __be16 source;
  __be16 dest;
  __be32 seq;
  __be32 ack_seq;
  __u16 ae : 1;
  __u16 res1 : 3;
  __u16 doff : 4;
  __u16 fin : 1;
  __u16 syn : 1;
  __u16 rst : 1;
  __u16 psh : 1;
  __u16 ack : 1;
  __u16 urg : 1;
  __u16 ece : 1;
  __u16 cwr : 1;
  __be16 window;
  __sum16 check;
  __be16 urg_ptr;
};

struct udphdr {
  __be16 source;
  __be16 dest;
  __be16 len;
  __sum16 check;
};

struct icmphdr {
  __u8 type;
  __u8 code;
  __sum16 checksum;
  union {
    struct {
      __be16 id;
      __be16 sequence;
    } echo;
    __be32 gateway;
    struct {
      __be16 __unused;
      __be16 mtu;
    } frag;
    __u8 reserved[4];
  } un;
};

struct icmpv6_echo {
  __be16 identifier;
  __be16 sequence;
};

struct icmpv6_nd_advt {
  __u32 reserved : 5;
  __u32 override : 1;
  __u32 solicited : 1;
  __u32 router : 1;
  __u32 reserved2 : 24;
};

struct icmpv6_nd_ra {
  __u8 hop_limit;
  __u8 reserved : 3;
  __u8 router_pref : 2;
  __u8 home_agent : 1;
  __u8 other : 1;
  __u8 managed : 1;
  __be16 rt_lifetime;
};

struct icmp6hdr {
  __u8 icmp6_type;
  __u8 icmp6_code;
  __sum16 icmp6_cksum;
  union {
    __be32 un_data32[1];
    __be16 un_data16[2];
    __u8 un_data8[4];
    struct icmpv6_echo u_echo;
    struct icmpv6_nd_advt u_nd_advt;
    struct icmpv6_nd_ra u_nd_ra;
  } icmp6_dataun;
};

struct igmphdr {
  __u8 type;
  __u8 code;
  __sum16 csum;
  __be32 group;
};

struct sctphdr {
  __be16 source;
  __be16 dest;
  __be32 vtag;
  __le32 checksum;
};

struct gre_base_hdr {
  __be16 flags;
  __be16 protocol;
};

struct vxlanhdr {
  __be32 vx_flags;
  __be32 vx_vni;
};

struct genevehdr {
  __u8 opt_len : 6;
  __u8 ver : 2;
  __u8 rsvd1 : 6;
  __u8 critical : 1;
  __u8 oam : 1;
  __be16 proto_type;
  __u8 vni[3];
  __u8 rsvd2;
};

// The compiler describes what is used.
union netkit_kernel_types {
  struct ns_common ns_common;
  struct net net;
  struct net_device net_device;
  struct in6_addr in6_addr;
  struct sock_common sock_common;
  struct sock sock;
  struct sk_buff sk_buff;
  struct skb_shared_info skb_shared_info;
  struct bpf_sock bpf_sock;
  struct __sk_buff __sk_buff;
  struct bpf_tcp_sock bpf_tcp_sock;
  struct bpf_sock_tuple bpf_sock_tuple;
  struct bpf_tunnel_key bpf_tunnel_key;
  struct bpf_xfrm_state bpf_xfrm_state;
  struct bpf_redir_neigh bpf_redir_neigh;
  struct bpf_fib_lookup bpf_fib_lookup;
  struct bpf_devmap_val bpf_devmap_val;
  struct bpf_spin_lock bpf_spin_lock;
  struct bpf_timer bpf_timer;
  struct bpf_dynptr bpf_dynptr;
  struct bpf_iter_num bpf_iter_num;
  struct btf_ptr btf_ptr;
  struct bpf_lpm_trie_key bpf_lpm_trie_key;
  struct bpf_lpm_trie_key_hdr bpf_lpm_trie_key_hdr;
  struct bpf_lpm_trie_key_u8 bpf_lpm_trie_key_u8;
  struct in_addr in_addr;
  struct ethhdr ethhdr;
  struct vlan_hdr vlan_hdr;
  struct vlan_ethhdr vlan_ethhdr;
  struct arphdr arphdr;
  struct iphdr iphdr;
  struct ip_auth_hdr ip_auth_hdr;
  struct ip_esp_hdr ip_esp_hdr;
  struct ipv6hdr ipv6hdr;
  struct ipv6_opt_hdr ipv6_opt_hdr;
  struct ipv6_rt_hdr ipv6_rt_hdr;
  struct frag_hdr frag_hdr;
  struct tcphdr tcphdr;
  struct udphdr udphdr;
  struct icmphdr icmphdr;
  struct icmpv6_echo icmpv6_echo;
  struct icmpv6_nd_advt icmpv6_nd_advt;
  struct icmpv6_nd_ra icmpv6_nd_ra;
  struct icmp6hdr icmp6hdr;
  struct igmphdr igmphdr;
  struct sctphdr sctphdr;
  struct gre_base_hdr gre_base_hdr;
  struct vxlanhdr vxlanhdr;
  struct genevehdr genevehdr;
  enum bpf_map_type bpf_map_type;
  enum bpf_func_id bpf_func_id;
  enum bpf_adj_room_mode bpf_adj_room_mode;
  enum bpf_hdr_start_off bpf_hdr_start_off;
  enum bpf_prog_type bpf_prog_type;
  enum bpf_attach_type bpf_attach_type;
  enum bpf_link_type bpf_link_type;
  enum bpf_check_mtu_flags bpf_check_mtu_flags;
  enum bpf_check_mtu_ret bpf_check_mtu_ret;
  enum bpf_ret_code bpf_ret_code;
  enum tcx_action_base tcx_action_base;
  enum netkit_action netkit_action;
  __be64 be64_;
  __le16 le16_;
  __le64 le64_;
  s8 s8_;
  s16 s16_;
  s32 s32_;
  s64 s64_;
  u8 u8_;
  u16 u16_;
  u32 u32_;
  u64 u64_;
  bool bool_;
  size_t size_t_;
  uintptr_t uintptr_t_;
  ktime_t ktime_t_;
  __sum16 sum16_;
  __wsum wsum_;
  __le32 le32_;
  possible_net_t possible_net_t_;
} netkit_kernel_types;
