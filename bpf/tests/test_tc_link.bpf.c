// SPDX-License-Identifier: Apache-2.0
//
// Eight programs for the tests of attach points: each notes that it ran. tc1 to tc4 let the list go on, tc5 to tc8 end
// it with PASS. tc1 and tc7 are a pair that tests packet types, tc8 reports what scrubbing left.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/test_tc_link.h"

#define NEXT -1
#define MARKED_MAC_BYTE 4 // first byte of the destination that tc1 writes for tc7

volatile struct tc_link_state state;

SEC("tc/ingress")
int tc1(struct __sk_buff *skb)
{
	struct ethhdr eth = {};

	state.ran[1] = 1;
	if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return NEXT;
	if (eth.h_proto == bpf_htons(ETH_P_IP))
		state.seen_eth = 1;
	if (skb->pkt_type != PACKET_HOST)
		return NEXT;
	state.seen_host = 1;
	if (state.set_type) {
		__u8 byte = MARKED_MAC_BYTE;

		bpf_skb_store_bytes(skb, 0, &byte, sizeof(byte), 0);
		bpf_skb_change_type(skb, PACKET_MULTICAST);
	}
	return NEXT;
}

SEC("tc/ingress")
int tc2(struct __sk_buff *skb)
{
	state.ran[2] = 1;
	return NEXT;
}

SEC("tc/ingress")
int tc3(struct __sk_buff *skb)
{
	state.ran[3] = 1;
	return NEXT;
}

SEC("tc/ingress")
int tc4(struct __sk_buff *skb)
{
	state.ran[4] = 1;
	return NEXT;
}

SEC("tc/egress")
int tc5(struct __sk_buff *skb)
{
	state.ran[5] = 1;
	return TC_ACT_OK;
}

SEC("tc/egress")
int tc6(struct __sk_buff *skb)
{
	state.ran[6] = 1;
	return TC_ACT_OK;
}

SEC("tc/ingress")
int tc7(struct __sk_buff *skb)
{
	__u8 byte = 0;

	state.ran[7] = 1;
	if (!state.set_type || bpf_skb_load_bytes(skb, 0, &byte, sizeof(byte)) || byte != MARKED_MAC_BYTE)
		return TC_ACT_OK;
	state.seen_mcast = skb->pkt_type == PACKET_MULTICAST;
	bpf_skb_change_type(skb, PACKET_HOST);
	return TC_ACT_OK;
}

SEC("tc/egress")
int tc8(struct __sk_buff *skb)
{
	state.ran[8] = 1;
	state.mark = skb->mark;
	state.priority = skb->priority;
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
