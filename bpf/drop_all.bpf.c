// SPDX-License-Identifier: Apache-2.0
// Drops every packet: what a policy is replaced by when a pod shall be cut off.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

SEC("netkit/peer")
int drop_all(struct __sk_buff *skb)
{
	return TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
