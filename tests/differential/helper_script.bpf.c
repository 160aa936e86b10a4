// Runs a script of helper calls on a packet, so that one program covers every helper with every argument and
// in every order.
#include "helper_script.h"

#include <linux/bpf.h>

#include <stddef.h>

#include <bpf/bpf_helpers.h>

#define ARRAY_OF(type_name, count)    \
  struct {                            \
    __uint(type, BPF_MAP_TYPE_ARRAY); \
    __uint(max_entries, count);       \
    __type(key, __u32);               \
    __type(value, type_name);         \
  }

ARRAY_OF(struct script, 1) script SEC(".maps");
ARRAY_OF(struct script_report, 1) report SEC(".maps");

// The maps that scripts work on.
ARRAY_OF(__u64, 4) values SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} table SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} percpu_table SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} percpu_values SEC(".maps");

int tail_target(struct __sk_buff* skb);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 3);
  __uint(key_size, sizeof(__u32));
  __array(values, int(void*));
} programs SEC(".maps") = {
    .values = {[1] = (void*)&tail_target},
};

// Marks the packet, so that it shows that it ran.
SEC("tc")
int tail_target(struct __sk_buff* skb) {
  skb->mark = 0x7a11;
  return 5;
}

typedef __s64 s64;
struct tcp_start {
  __be16 source, dest;
  __be32 seq, ack_seq;
  __u8 rest[8];
};

static __u32 within(__u64 size, __u32 mask) {
  return size & mask;
}
static __u32 positive(__u64 size) {
  __u32 bounded = size & 63;
  return bounded ? bounded : 64;
}

#define EACH_MAP(number, operation) \
  switch ((number) & 3) {           \
    case 0: {                       \
      operation(&values);           \
      break;                        \
    }                               \
    case 1: {                       \
      operation(&table);            \
      break;                        \
    }                               \
    case 2: {                       \
      operation(&percpu_table);     \
      break;                        \
    }                               \
    default: {                      \
      operation(&percpu_values);    \
      break;                        \
    }                               \
  }

static long map_call(const struct script_call* call) {
  __u32 key = call->args[1];
  __u64 value = call->args[2];
  long result = -1;
#define UPDATE(map) result = bpf_map_update_elem(map, &key, &value, call->args[3])
#define DELETE(map) result = bpf_map_delete_elem(map, &key)
#define LOOKUP(map)                              \
  __u64* found = bpf_map_lookup_elem(map, &key); \
  if (found) result = *found
  if (call->helper == CALL_MAP_UPDATE) {
    EACH_MAP(call->args[0], UPDATE)
  } else if (call->helper == CALL_MAP_DELETE) {
    EACH_MAP(call->args[0], DELETE)
  } else {
    EACH_MAP(call->args[0], LOOKUP)
  }
  return result;
}

static long loop_body(__u64 index, void* context) {
  *(__u64*)context += index + 1;
  return index == 3;
}

static long loop_call(const struct script_call* call) {
  __u64 sum = 0;
  long turns = bpf_loop(call->args[0], loop_body, &sum, call->args[1]);
  return turns < 0 ? turns : (turns << 32) + sum;
}

static long clocks(void) {
  return bpf_ktime_get_ns() && bpf_ktime_get_boot_ns() && bpf_ktime_get_coarse_ns() &&
         bpf_ktime_get_tai_ns() && bpf_jiffies64() > 4294892296ull &&
         (bpf_get_prandom_u32() | bpf_get_prandom_u32());
}

static long diff_packet(struct __sk_buff* skb, __u32 seed) {
  void* data = (void*)(long)skb->data;
  if (data + 20 > (void*)(long)skb->data_end) return -1;
  return bpf_csum_diff(NULL, 0, data, 20, seed);
}

static long check_mtu(struct __sk_buff* skb, const __u64* a) {
  __u32 length = a[1];
  long result = bpf_check_mtu(skb, a[0], &length, a[2], a[3]);
  return ((__u64)length << 32) | (__u32)result;
}

static long number_call(const struct script_call* call, struct script* in) {
  __u32 first = 0;
  __u64* to = bpf_map_lookup_elem(&values, &first);
  if (!to) return -1;
  if (call->helper == CALL_STRTOL) {
    s64 number = 99;
    long result = bpf_strtol((void*)in->bytes, positive(call->args[0]), call->args[1], (void*)&number);
    *to = number;
    return result;
  }
  __u64 number = 99;
  long result = bpf_strtoul((void*)in->bytes, positive(call->args[0]), call->args[1], (void*)&number);
  *to = number;
  return result;
}

static const char kAbc[] = "abc";

static long lookup_socket(struct __sk_buff* skb, const __u64* a, struct script* in) {
  struct bpf_sock* sk;
  if (a[0] == 0)
    sk = bpf_sk_lookup_tcp(skb, (void*)in->bytes, positive(a[1]), a[2], a[3]);
  else if (a[0] == 1)
    sk = bpf_sk_lookup_udp(skb, (void*)in->bytes, positive(a[1]), a[2], a[3]);
  else
    sk = bpf_skc_lookup_tcp(skb, (void*)in->bytes, positive(a[1]), a[2], a[3]);
  if (!sk) return 0;
  bpf_sk_release(sk);
  return 1;
}

static long assign(struct __sk_buff* skb, __u64 flags) {
  struct bpf_sock* sk = skb->sk;
  return sk ? bpf_sk_assign(skb, sk, flags) : 1;
}

static long origin(struct __sk_buff* skb, __u64 which) {
  switch (which) {
    case 0:
      return bpf_get_socket_cookie(skb) != 0;
    case 1:
      return bpf_get_socket_uid(skb);
    case 2:
      return bpf_get_netns_cookie(skb) != 0;
    case 3:
      return bpf_get_netns_cookie(NULL) != 0;
    case 4:
      return bpf_get_cgroup_classid(skb);
    case 5:
      return bpf_skb_cgroup_id(skb);
    case 6:
      return bpf_skb_ancestor_cgroup_id(skb, 0);
    case 7:
      return bpf_skb_cgroup_classid(skb);
    case 8:
      return bpf_get_route_realm(skb);
    default:
      return skb->sk != NULL;
  }
}

static long sock_field(struct __sk_buff* skb, __u64 which) {
  struct bpf_sock* common = skb->sk;
  struct bpf_sock* sk = common ? bpf_sk_fullsock(common) : NULL;
  if (!sk) return -1;
  switch (which) {
    case 0:
      return sk->bound_dev_if;
    case 1:
      return sk->family;
    case 2:
      return sk->type;
    case 3:
      return sk->protocol;
    case 4:
      return sk->mark;
    case 5:
      return sk->priority;
    case 6:
      return sk->src_ip4;
    case 7:
      return sk->src_ip6[3];
    case 8:
      return sk->src_port;
    case 9:
      return sk->dst_port;
    case 10:
      return sk->dst_ip4;
    case 11:
      return sk->dst_ip6[0];
    case 12:
      return sk->state;
    case 13:
      return sk->rx_queue_mapping;
    case 14:
      return bpf_tcp_sock(sk) != NULL;
    case 15:
      return bpf_get_listener_sock(sk) != NULL;
    default:
      return *(__u8*)&sk->src_ip4;
  }
}

// A cookie, and whether it is accepted when it comes back. Of the cookie itself only the segment size is the
// same in both engines.
static long raw_syncookie(const __u64* a, struct script* in, struct script_report* out) {
  struct iphdr_bytes {
    __u8 bytes[40];
  }* ip = (void*)in->bytes;
  struct tcp_start* tcp = (void*)(in->bytes + 64);
  long cookie = a[0] == 4 ? bpf_tcp_raw_gen_syncookie_ipv4((void*)ip, (void*)tcp, within(a[1], 63))
                          : bpf_tcp_raw_gen_syncookie_ipv6((void*)ip, (void*)tcp, within(a[1], 63));
  if (cookie < 0) return cookie;
  struct tcp_start ack = *tcp;
  ack.ack_seq = __builtin_bswap32((__u32)cookie + 1 + (__u32)a[2]);
  ack.seq = __builtin_bswap32(__builtin_bswap32(tcp->seq) + 1);
  __builtin_memcpy(out->bytes, &ack, sizeof ack);
  long back = a[0] == 4 ? bpf_tcp_raw_check_syncookie_ipv4((void*)ip, (void*)out->bytes)
                        : bpf_tcp_raw_check_syncookie_ipv6((void*)ip, (void*)out->bytes);
  __builtin_memset(out->bytes, 0, sizeof ack);
  return ((cookie >> 32) << 16) + back;
}

static long later_call(struct __sk_buff* skb, const struct script_call* call, struct script* in,
                       struct script_report* out) {
  const __u64* a = call->args;
  switch (call->helper) {
    case CALL_SET_TUNNEL_KEY:
      return bpf_skb_set_tunnel_key(skb, (void*)in->bytes, positive(a[1]), a[0]);
    case CALL_GET_TUNNEL_KEY:
      return bpf_skb_get_tunnel_key(skb, (void*)out->bytes, positive(a[1]), a[0]);
    case CALL_SET_TUNNEL_OPT:
      return bpf_skb_set_tunnel_opt(skb, in->bytes + 64, positive(a[0]));
    case CALL_GET_TUNNEL_OPT:
      return bpf_skb_get_tunnel_opt(skb, out->bytes, positive(a[0]));
    case CALL_CHECK_MTU:
      return check_mtu(skb, a);
    case CALL_FIB_LOOKUP: {
      __u32 size = a[0] & 127;
      return bpf_fib_lookup(skb, (void*)in->bytes, size ? size : 64, a[1]);
    }
    case CALL_STRTOL:
    case CALL_STRTOUL:
      return number_call(call, in);
    case CALL_STRNCMP:
      return bpf_strncmp((void*)in->bytes, positive(a[0]), kAbc);
    case CALL_SK_LOOKUP:
      return lookup_socket(skb, a, in);
    case CALL_SK_ASSIGN:
      return assign(skb, a[0]);
    case CALL_ORIGIN:
      return origin(skb, a[0]);
    case CALL_SOCK_FIELD:
      return sock_field(skb, a[0]);
    case CALL_XFRM_STATE:
      return bpf_skb_get_xfrm_state(skb, a[0], (void*)out->bytes, positive(a[1]), a[2]);
    case CALL_RAW_SYNCOOKIE:
      return raw_syncookie(a, in, out);
    default:
      return 0;
  }
}

static long other_call(struct __sk_buff* skb, const struct script_call* call, struct script* in) {
  const __u64* a = call->args;
  switch (call->helper) {
    case CALL_REDIRECT:
      return bpf_redirect(a[0], a[1]);
    case CALL_REDIRECT_PEER:
      return bpf_redirect_peer(a[0], a[1]);
    case CALL_REDIRECT_NEIGH:
      return bpf_redirect_neigh(a[0], (void*)in->bytes, within(a[1], 63), a[2]);
    case CALL_CLONE_REDIRECT:
      return bpf_clone_redirect(skb, a[0], a[1]);
    case CALL_TRACE_PRINTK:
      return bpf_trace_printk((void*)in->bytes, positive(a[0]), a[1], a[2], a[3]);
    case CALL_TRACE_VPRINTK:
      return bpf_trace_vprintk((void*)in->bytes, positive(a[0]), in->bytes + 64, within(a[1], 127));
    case CALL_LOOP:
      return loop_call(call);
    case CALL_MAP_UPDATE:
    case CALL_MAP_LOOKUP:
    case CALL_MAP_DELETE:
      return map_call(call);
    case CALL_CLOCKS:
      return clocks();
    case CALL_CPU:
      return bpf_get_smp_processor_id();
    case CALL_TAIL_CALL:
      bpf_tail_call(skb, &programs, a[0]);
      return 0;
    default:
      return 0;
  }
}

static long packet_call(struct __sk_buff* skb, const struct script_call* call, struct script* in,
                        struct script_report* out) {
  const __u64* a = call->args;
  switch (call->helper) {
    case CALL_LOAD_BYTES:
      return bpf_skb_load_bytes(skb, a[0], out->bytes, positive(a[1]));
    case CALL_LOAD_BYTES_RELATIVE:
      return bpf_skb_load_bytes_relative(skb, a[0], out->bytes, positive(a[1]), a[2]);
    case CALL_STORE_BYTES:
      return bpf_skb_store_bytes(skb, a[0], in->bytes, positive(a[1]), a[2]);
    case CALL_PULL_DATA:
      return bpf_skb_pull_data(skb, a[0]);
    case CALL_CHANGE_TAIL:
      return bpf_skb_change_tail(skb, a[0], a[1]);
    case CALL_CHANGE_HEAD:
      return bpf_skb_change_head(skb, a[0], a[1]);
    case CALL_CHANGE_TYPE:
      return bpf_skb_change_type(skb, a[0]);
    case CALL_CHANGE_PROTO:
      return bpf_skb_change_proto(skb, a[0], a[1]);
    case CALL_ADJUST_ROOM:
      return bpf_skb_adjust_room(skb, a[0], a[1], a[2]);
    case CALL_L3_CSUM_REPLACE:
      return bpf_l3_csum_replace(skb, a[0], a[1], a[2], a[3]);
    case CALL_L4_CSUM_REPLACE:
      return bpf_l4_csum_replace(skb, a[0], a[1], a[2], a[3]);
    case CALL_CSUM_DIFF:
      return bpf_csum_diff((void*)in->bytes, within(a[0], 63), (void*)(in->bytes + 64), within(a[1], 63),
                           a[2]);
    case CALL_CSUM_DIFF_PACKET:
      return diff_packet(skb, a[0]);
    case CALL_CSUM_UPDATE:
      return bpf_csum_update(skb, a[0]);
    case CALL_CSUM_LEVEL:
      return bpf_csum_level(skb, a[0]);
    case CALL_VLAN_PUSH:
      return bpf_skb_vlan_push(skb, a[0], a[1]);
    case CALL_VLAN_POP:
      return bpf_skb_vlan_pop(skb);
    case CALL_ECN_SET_CE:
      return bpf_skb_ecn_set_ce(skb);
    case CALL_SET_TSTAMP:
      return bpf_skb_set_tstamp(skb, a[0], a[1]);
    case CALL_GET_HASH_RECALC:
      return bpf_get_hash_recalc(skb) != 0;
    case CALL_SET_HASH_INVALID:
      bpf_set_hash_invalid(skb);
      return 0;
    case CALL_SET_HASH:
      return bpf_set_hash(skb, a[0]);
    default:
      return 0;
  }
}

static void describe(struct __sk_buff* skb, struct call_report* seen) {
  seen->tstamp = skb->tstamp;
  seen->len = skb->len;
  seen->linear = (long)skb->data_end - (long)skb->data;
  seen->protocol = skb->protocol;
  seen->pkt_type = skb->pkt_type;
  seen->vlan_present = skb->vlan_present;
  seen->vlan_tci = skb->vlan_tci;
  seen->vlan_proto = skb->vlan_proto;
  seen->has_hash = skb->hash != 0;
  seen->tstamp_type = skb->tstamp_type;
  seen->gso_size = skb->gso_size;
  seen->gso_segs = skb->gso_segs;
  seen->mark = skb->mark;
  seen->queue_mapping = skb->queue_mapping;
  seen->priority = skb->priority;
}

// Global functions are verified once each, not once per path to them.
__noinline int step(struct __sk_buff* skb, __u32 index) {
  __u32 zero = 0;
  struct script* in = bpf_map_lookup_elem(&script, &zero);
  struct script_report* out = bpf_map_lookup_elem(&report, &zero);
  if (!in || !out || index >= SCRIPT_CALLS) return 0;
  const struct script_call* call = &in->calls[index];
  struct call_report* seen = &out->calls[index];
  if (call->helper > CALL_TAIL_CALL)
    seen->result = later_call(skb, call, in, out);
  else if (call->helper >= CALL_REDIRECT)
    seen->result = other_call(skb, call, in);
  else
    seen->result = packet_call(skb, call, in, out);
  describe(skb, seen);
  return 0;
}

SEC("tc")
int run_script(struct __sk_buff* skb) {
  for (__u32 i = 0; i < SCRIPT_CALLS; i++) step(skb, i);
  return 0;
}

char LICENSE[] SEC("license") = "GPL";
