// SPDX-License-Identifier: Apache-2.0
//
// A pod's policy and forwarding, as somebody writing a container network would start it. Runs on the PEER list
// of a netkit pair: for every packet that the pod sends, before it reaches any queue of the host.
//
//   1. parse: Ethernet, VLAN tags in the bytes, IPv4 or IPv6 with its extension headers, TCP/UDP ports
//   2. connections: a packet of a known flow takes the decision that the flow's first packet got
//   3. deny rules: the first that matches drops the packet and counts it
//   4. destinations: the longest prefix names the device that leads there, and the packet is redirected to its
//      transmit side (a pod on this host: its primary); no prefix: PASS, the host's stack goes on with it
//
// Addresses are 16 bytes everywhere; IPv4 is written as IPv4-mapped IPv6 (::ffff:a.b.c.d), so that one trie
// and one rule format serve both. A prefix of an IPv4 network is its length + 96.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_RULES 16
#define MAX_VLAN_TAGS 2
#define MAX_EXTENSIONS 8

struct address {
	__u8 byte[16];
};

struct destination_key {
	__u32 prefix_length; // bits of `address`
	struct address address;
};

struct destination {
	__u32 ifindex; // number of the device in the host's namespace
};

struct rule {
	struct address address;  // destination network
	__u8 prefix_length;      // 0..128; a rule with `enabled` 0 is skipped
	__u8 protocol;           // IPPROTO_*; 0: any
	__be16 port;             // destination port; 0: any
	__u32 enabled;
};

struct connection_key {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 pad[3];
};

struct connection {
	__u64 last_seen; // bpf_ktime_get_ns
	__u64 packets;
	__u64 bytes;
	__u32 ifindex; // 0: to the host's stack
	__u32 pad;
};

// Slots of `counters` behind those of the rules.
enum counter {
	COUNT_REDIRECTED = MAX_RULES,
	COUNT_TO_HOST,
	COUNT_NOT_IP,
	COUNT_MALFORMED,
	COUNTERS,
};

struct tally {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct destination_key);
	__type(value, struct destination);
} destinations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_RULES);
	__type(key, __u32);
	__type(value, struct rule);
} deny_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, struct tally);
} counters SEC(".maps");

// How long a connection may be silent before the rules are asked again.
const volatile __u64 connection_timeout_ns = 60ULL * 1000 * 1000 * 1000;

// What parsing found out.
struct packet {
	struct connection_key flow;
	__u32 network_offset;
	__u8 hop_limit;
	_Bool is_ipv4;
};

enum parsed { PARSED, NOT_IP, MALFORMED };

static __always_inline void count(__u32 slot, struct __sk_buff *skb)
{
	struct tally *tally = bpf_map_lookup_elem(&counters, &slot);

	if (!tally)
		return;
	tally->packets++;
	tally->bytes += skb->len;
}

static __always_inline void map_ipv4(struct address *to, __be32 from)
{
	__builtin_memset(to, 0, sizeof(*to));
	to->byte[10] = 0xff;
	to->byte[11] = 0xff;
	__builtin_memcpy(&to->byte[12], &from, sizeof(from));
}

static __always_inline void parse_ports(struct __sk_buff *skb, __u32 offset, struct packet *packet)
{
	__be16 ports[2];

	if (packet->flow.protocol != IPPROTO_TCP && packet->flow.protocol != IPPROTO_UDP)
		return;
	if (bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return; // cut short: the rules see port 0
	packet->flow.source_port = ports[0];
	packet->flow.destination_port = ports[1];
}

static __always_inline enum parsed parse_ipv4(struct __sk_buff *skb, struct packet *packet)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, packet->network_offset, &ip, sizeof(ip)) || ip.ihl < 5)
		return MALFORMED;
	map_ipv4(&packet->flow.source, ip.saddr);
	map_ipv4(&packet->flow.destination, ip.daddr);
	packet->flow.protocol = ip.protocol;
	packet->hop_limit = ip.ttl;
	packet->is_ipv4 = 1;
	// Later fragments carry no ports; they are a flow of their own, with port 0.
	if (!(ip.frag_off & bpf_htons(0x1fff)))
		parse_ports(skb, packet->network_offset + ip.ihl * 4, packet);
	return PARSED;
}

static __always_inline enum parsed parse_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr ip;
	__u32 offset = packet->network_offset + sizeof(ip);
	__u8 next;
	int i;

	if (bpf_skb_load_bytes(skb, packet->network_offset, &ip, sizeof(ip)))
		return MALFORMED;
	__builtin_memcpy(&packet->flow.source, &ip.saddr, sizeof(ip.saddr));
	__builtin_memcpy(&packet->flow.destination, &ip.daddr, sizeof(ip.daddr));
	packet->hop_limit = ip.hop_limit;
	next = ip.nexthdr;

	for (i = 0; i < MAX_EXTENSIONS; i++) {
		struct {
			__u8 next;
			__u8 length;
			__be16 fragment;
		} extension;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_AH)
			break;
		if (bpf_skb_load_bytes(skb, offset, &extension, sizeof(extension)))
			return MALFORMED;
		if (next == IPPROTO_FRAGMENT) {
			offset += 8;
			if (extension.fragment & bpf_htons(0xfff8)) {
				packet->flow.protocol = extension.next;
				return PARSED; // not the first fragment: no ports
			}
		} else if (next == IPPROTO_AH) {
			offset += (extension.length + 2) * 4;
		} else {
			offset += (extension.length + 1) * 8;
		}
		next = extension.next;
	}
	packet->flow.protocol = next;
	parse_ports(skb, offset, packet);
	return PARSED;
}

static __always_inline enum parsed parse(struct __sk_buff *skb, struct packet *packet)
{
	__be16 ether_type;
	__u32 offset = offsetof(struct ethhdr, h_proto);
	int i;

	// A tag held beside the bytes (skb->vlan_present) needs nothing; one in the bytes is stepped over.
	for (i = 0; i <= MAX_VLAN_TAGS; i++) {
		if (bpf_skb_load_bytes(skb, offset, &ether_type, sizeof(ether_type)))
			return MALFORMED;
		if (ether_type != bpf_htons(ETH_P_8021Q) && ether_type != bpf_htons(ETH_P_8021AD))
			break;
		offset += 4;
	}
	packet->network_offset = offset + sizeof(ether_type);
	if (ether_type == bpf_htons(ETH_P_IP))
		return parse_ipv4(skb, packet);
	if (ether_type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(skb, packet);
	return NOT_IP;
}

static __always_inline _Bool in_network(const struct address *address, const struct rule *rule)
{
	__u32 bits = rule->prefix_length;
	int i;

	for (i = 0; i < 16; i++) {
		__u8 mask = bits >= 8 ? 0xff : (__u8)(0xff00 >> bits);

		if ((address->byte[i] ^ rule->address.byte[i]) & mask)
			return 0;
		bits = bits >= 8 ? bits - 8 : 0;
	}
	return 1;
}

// The number of the first rule that refuses the flow, or -1.
static __noinline int refusing_rule(const struct connection_key *flow)
{
	int i;

	if (!flow)
		return -1;
	for (i = 0; i < MAX_RULES; i++) {
		__u32 slot = i;
		const struct rule *rule = bpf_map_lookup_elem(&deny_rules, &slot);

		if (!rule || !rule->enabled)
			continue;
		if (rule->protocol && rule->protocol != flow->protocol)
			continue;
		if (rule->port && rule->port != flow->destination_port)
			continue;
		if (in_network(&flow->destination, rule))
			return i;
	}
	return -1;
}

// A pod's packet to another pod is routed by us: one hop less. False: no hop is left, the host's stack shall say so.
static __always_inline _Bool take_hop(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 hop_limit = packet->hop_limit - 1;

	if (packet->hop_limit <= 1)
		return 0;
	if (packet->is_ipv4) {
		// TTL is the upper byte of a 16-bit word of the header checksum.
		__be16 before = bpf_htons(packet->hop_limit << 8), after = bpf_htons(hop_limit << 8);

		bpf_l3_csum_replace(skb, packet->network_offset + offsetof(struct iphdr, check), before, after, 2);
		bpf_skb_store_bytes(skb, packet->network_offset + offsetof(struct iphdr, ttl), &hop_limit, 1, 0);
	} else {
		bpf_skb_store_bytes(skb, packet->network_offset + offsetof(struct ipv6hdr, hop_limit), &hop_limit, 1, 0);
	}
	return 1;
}

static __always_inline int forward(struct __sk_buff *skb, const struct packet *packet, __u32 ifindex)
{
	if (!ifindex || !take_hop(skb, packet)) {
		count(COUNT_TO_HOST, skb);
		return TC_ACT_OK;
	}
	count(COUNT_REDIRECTED, skb);
	return bpf_redirect(ifindex, 0);
}

SEC("netkit/peer")
int from_pod(struct __sk_buff *skb)
{
	struct packet packet = {};
	struct connection *connection;
	struct connection fresh = {};
	struct destination_key key;
	struct destination *destination;
	__u64 now = bpf_ktime_get_ns();
	int rule;

	switch (parse(skb, &packet)) {
	case NOT_IP: // ARP of an L2 pair and the like
		count(COUNT_NOT_IP, skb);
		return TC_ACT_OK;
	case MALFORMED:
		count(COUNT_MALFORMED, skb);
		return TC_ACT_SHOT;
	case PARSED:
		break;
	}

	connection = bpf_map_lookup_elem(&connections, &packet.flow);
	if (connection && now - connection->last_seen < connection_timeout_ns) {
		connection->last_seen = now;
		connection->packets++;
		connection->bytes += skb->len;
		return forward(skb, &packet, connection->ifindex);
	}

	rule = refusing_rule(&packet.flow);
	if (rule >= 0) {
		count(rule, skb);
		return TC_ACT_SHOT;
	}

	key.prefix_length = 128;
	key.address = packet.flow.destination;
	destination = bpf_map_lookup_elem(&destinations, &key);
	fresh.last_seen = now;
	fresh.packets = 1;
	fresh.bytes = skb->len;
	fresh.ifindex = destination ? destination->ifindex : 0;
	bpf_map_update_elem(&connections, &packet.flow, &fresh, BPF_ANY);
	return forward(skb, &packet, fresh.ifindex);
}

char _license[] SEC("license") = "Dual BSD/GPL";
