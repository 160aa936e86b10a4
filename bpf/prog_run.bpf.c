// SPDX-License-Identifier: Apache-2.0
//
// Small programs for docs/prog-run.md: what `netkit prog run` shows of a program at work, and of one that goes wrong.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32); // IPv4 address, network order
	__type(value, __u64);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} stages SEC(".maps");

const volatile __u32 uplink = 3;

// Counts packets by source address and sends those that are marked to the uplink.
SEC("tc")
int count(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__u64 one = 1, *packets;
	__u32 source;

	if ((void *)(ip + 1) > data_end)
		return TC_ACT_SHOT;
	source = ip->saddr;
	packets = bpf_map_lookup_elem(&seen, &source);
	if (packets)
		*packets += 1;
	else
		bpf_map_update_elem(&seen, &source, &one, BPF_ANY);
	if (!skb->mark)
		return TC_ACT_UNSPEC;
	return bpf_redirect(uplink, 0);
}

SEC("tc")
int mark(struct __sk_buff *skb)
{
	skb->mark = 7;
	bpf_printk("%d bytes marked", skb->len);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int dispatch(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &stages, 0);
	return TC_ACT_SHOT; // nothing there
}

// Forgets to ask where the packet ends: the kernel's verifier would refuse it.
SEC("tc")
int careless(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	__u8 *last = data + 1000;

	return *last;
}

char _license[] SEC("license") = "GPL";
