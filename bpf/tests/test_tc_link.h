// What the programs of test_tc_link.bpf.c have seen and what they are told; shared with the tests that load
// them.
#pragma once

#include <linux/types.h>

#define TC_LINK_PROGRAMS 8

// The object's only writable global variable.
struct tc_link_state {
  __u8 ran[TC_LINK_PROGRAMS + 1];  // by number: tc1 to tc8
  __u8 set_type;                   // in: tc1 and tc7 change the packet type
  __u8 seen_eth;                   // tc1: an Ethernet header that says IPv4
  __u8 seen_host;                  // tc1: the packet was for this host
  __u8 seen_mcast;                 // tc7: the packet that tc1 had marked was multicast
  __u32 mark;                      // tc8
  __u32 priority;                  // tc8
};
