// What the test and the program helper_script.bpf.c agree on: a script of helper calls goes in through the
// map "script", what each call did comes out through the map "report".
#pragma once

#include <linux/types.h>

#define SCRIPT_CALLS 6
#define SCRIPT_BYTES 256

enum script_helper {
  CALL_NONE,
  CALL_LOAD_BYTES,           // offset, size 1..64
  CALL_LOAD_BYTES_RELATIVE,  // offset, size 1..64, start
  CALL_STORE_BYTES,          // offset, size 1..64, flags
  CALL_PULL_DATA,            // size
  CALL_CHANGE_TAIL,          // length, flags
  CALL_CHANGE_HEAD,          // room, flags
  CALL_CHANGE_TYPE,          // type
  CALL_CHANGE_PROTO,         // protocol (network order), flags
  CALL_ADJUST_ROOM,          // difference, mode, flags
  CALL_L3_CSUM_REPLACE,      // offset, from, to, flags
  CALL_L4_CSUM_REPLACE,      // offset, from, to, flags
  CALL_CSUM_DIFF,            // from size 0..63, to size 0..63, seed
  CALL_CSUM_DIFF_PACKET,     // seed; over the first 20 bytes of the packet
  CALL_CSUM_UPDATE,          // sum
  CALL_CSUM_LEVEL,           // operation
  CALL_VLAN_PUSH,            // protocol (network order), tci
  CALL_VLAN_POP,
  CALL_ECN_SET_CE,
  CALL_SET_TSTAMP,       // time, type
  CALL_GET_HASH_RECALC,  // the result says only whether there is one
  CALL_SET_HASH_INVALID,
  CALL_SET_HASH,        // hash
  CALL_REDIRECT,        // ifindex, flags
  CALL_REDIRECT_PEER,   // ifindex, flags
  CALL_REDIRECT_NEIGH,  // ifindex, size 0..63, flags
  CALL_CLONE_REDIRECT,  // ifindex, flags
  CALL_TRACE_PRINTK,    // size of the format in bytes 1..64, arguments
  CALL_TRACE_VPRINTK,   // size of the format in bytes 1..64, size of the arguments 0..127
  CALL_LOOP,            // count, flags; the result of the body is 1 at index 3
  CALL_MAP_UPDATE,      // map 0..3, key, value, flags
  CALL_MAP_LOOKUP,      // map 0..3, key; the result is the value, or -1
  CALL_MAP_DELETE,      // map 0..3, key
  CALL_CLOCKS,          // the result says whether all of them run
  CALL_CPU,
  CALL_TAIL_CALL,       // index
  CALL_SET_TUNNEL_KEY,  // flags, size 1..64; the key is bytes
  CALL_GET_TUNNEL_KEY,  // flags, size 1..64
  CALL_SET_TUNNEL_OPT,  // size 1..64
  CALL_GET_TUNNEL_OPT,  // size 1..64
  CALL_CHECK_MTU,       // ifindex, length, difference, flags; the result has the MTU in its upper half
  CALL_FIB_LOOKUP,      // size 1..127, flags; the block is bytes
  CALL_STRTOL,          // size 1..64, flags; the number goes to values[0]
  CALL_STRTOUL,         // the same
  CALL_STRNCMP,         // size 1..64, with "abc"
  CALL_SK_LOOKUP,       // which of three, size 1..64, netns, flags; whether there is one
  CALL_SK_ASSIGN,       // flags; of no socket
  CALL_ORIGIN,          // which of the helpers about the packet's socket
  CALL_SOCK_FIELD,      // which field of the packet's socket
  CALL_XFRM_STATE,      // index, size 1..64, flags
  CALL_RAW_SYNCOOKIE,   // family 4 or else 6, size 0..63, how the cookie that comes back is changed
  CALL_COUNT
};

struct script_call {
  __u64 helper;
  __u64 args[4];
};

// Memory that helpers read is bytes, from its start.
struct script {
  struct script_call calls[SCRIPT_CALLS];
  __u8 bytes[SCRIPT_BYTES];
};

// After one call: its result and what a program sees then.
struct call_report {
  __s64 result;
  __u64 tstamp;
  __u32 len;
  __u32 linear;  // data_end - data
  __u32 protocol;
  __u32 pkt_type;
  __u32 vlan_present;
  __u32 vlan_tci;
  __u32 vlan_proto;
  __u32 has_hash;
  __u32 tstamp_type;
  __u32 gso_size;
  __u32 gso_segs;
  __u32 mark;
  __u32 queue_mapping;
  __u32 priority;
};

// Memory that helpers write is bytes.
struct script_report {
  struct call_report calls[SCRIPT_CALLS];
  __u8 bytes[64];
};
