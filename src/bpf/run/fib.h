// What bpf_fib_lookup asks and what it answers, between programs and the routing tables of the outside.
#pragma once

#include <array>
#include <cstdint>

#include "base/endian.h"

namespace netkit::bpf {

enum FibFlag : std::uint32_t {
  kFibDirect = 1,      // one table, no rules
  kFibOutput = 2,      // ifindex is the device to send from
  kFibSkipNeigh = 4,   // no MAC addresses
  kFibTbid = 8,        // with kFibDirect: the table's number is given
  kFibSrc = 16,        // fill in the source address
  kFibMark = 32,       // rules see the mark given
  kFibVlan = 64,       // XDP only
  kFibVlanInput = 128  // the tag given names the device that the packet came in by
};

enum FibResult : std::int32_t {
  kFibSuccess = 0,
  kFibBlackhole = 1,
  kFibUnreachable = 2,
  kFibProhibit = 3,
  kFibNotForwarded = 4,
  kFibForwardingDisabled = 5,
  kFibUnsupportedLwt = 6,
  kFibNoNeighbour = 7,
  kFibFragmentationNeeded = 8,
  kFibNoSourceAddress = 9,
  kFibVlanFailure = 10
};

// struct bpf_fib_lookup. Addresses and ports are in network order, IPv4 in the first four bytes.
struct FibParameters {
  std::uint8_t family;
  std::uint8_t l4_protocol;
  Be16 sport;
  Be16 dport;
  std::uint16_t tot_len;  // in: length from the network header or 0; out: mtu_result
  std::uint32_t ifindex;
  std::uint32_t tos_or_metric;  // in: tos, or flowinfo in network order; out: rt_metric
  std::array<std::uint8_t, 16> src;
  std::array<std::uint8_t, 16> dst;  // out: the gateway, if there is one
  Be16 vlan_proto;                   // with the next: the table's number, in
  Be16 vlan_tci;
  std::array<std::uint8_t, 6> smac;  // with two bytes of the next: the mark, in
  std::array<std::uint8_t, 6> dmac;
};
static_assert(sizeof(FibParameters) == 64);

}  // namespace netkit::bpf
