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
  if (call->helper >= CALL_REDIRECT)
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
