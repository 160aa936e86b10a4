// An end host behind a port: stands for a pod or a router in tests and in in-process runs. It answers ARP and
// neighbour solicitations, ICMP and ICMPv6 echo requests and UDP datagrams (echo), reassembles and makes
// fragments, and sends what conversations (conversation.h) ask for.
//
// Theory of operation. Nothing happens by itself: poll takes what the port has, answers what asks for an
// answer, and puts the rest into the inbox. A datagram whose next hop is unknown waits (L2) until its address
// was resolved. In L3 mode (a zero MAC) there is nothing to resolve and all frames carry zero addresses, as
// on a netkit L3 device.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "packet/headers.h"
#include "port/datagram.h"
#include "port/port.h"
#include "port/reassembly.h"

namespace netkit {

// UDP datagrams to ports below are echoed; those from here on are for a conversation (the inbox).
inline constexpr std::uint16_t kFirstEphemeralPort = 32768;

struct EndHostOptions {
  MacAddress mac{};  // zero: L3
  std::vector<IpPrefix> addresses;
  std::vector<IpAddress> gateways;  // at most one per family; used in L2 mode
  std::uint32_t mtu = 1500;         // at least 68, with IPv6 1280
  bool partial_checksums = true;    // TCP and UDP checksums are left to be computed, as a stack does
};

struct EndHostCounters {
  std::uint64_t received = 0;
  std::uint64_t answered = 0;     // ARP, ND, echo
  std::uint64_t reassembled = 0;  // datagrams made from fragments
  std::uint64_t not_for_us = 0;   // another MAC, another IP address, a VLAN, another protocol
  std::uint64_t malformed = 0;
  std::uint64_t bad_checksum = 0;
  std::uint64_t inbox_full = 0;
  std::uint64_t no_buffer = 0;  // packets that were not sent because the pool had none
};

class EndHost {
 public:
  // The port is the world's side: what it receives, the engine has sent. Port and pool outlive the host.
  EndHost(EndHostOptions options, Port& port, PacketPool& pool);

  // Takes in what is there; how many packets that was.
  std::size_t poll();

  // Sends an IP datagram, in fragments where the MTU demands it. `payload` begins with a transport header,
  // whose checksum is filled in. With `gso_size` it goes out as one TCP or UDP super-packet of segments of
  // that size. False: no address of the family, or longer than a datagram may be.
  bool send(const IpAddress& to, std::uint8_t protocol, std::vector<std::uint8_t> payload,
            std::uint16_t gso_size = 0);

  // The oldest datagram with this protocol that the host did not answer itself.
  [[nodiscard]] std::optional<IpDatagram> take(std::uint8_t protocol);
  void clear_inbox() { inbox_.clear(); }

  // Asks for the MAC address of a neighbour (ARP, ND); the answer shows in `neighbour` after a poll.
  void solicit(const IpAddress& address);
  [[nodiscard]] std::optional<MacAddress> neighbour(const IpAddress& address) const;
  void forget_neighbours() { neighbours_.clear(); }

  [[nodiscard]] bool is_l3() const { return options_.mac.is_zero(); }
  [[nodiscard]] bool owns(const IpAddress& address) const;
  // The address that datagrams to the destination carry: that of its network, else the first of its family.
  [[nodiscard]] std::optional<IpAddress> source_for(const IpAddress& destination) const;
  [[nodiscard]] const EndHostOptions& options() const { return options_; }
  [[nodiscard]] const EndHostCounters& counters() const { return counters_; }

 private:
  struct Fragment {
    std::uint32_t id = 0;
    std::uint32_t offset = 0;
    bool more = false;
  };
  struct Waiting {
    IpAddress next_hop;
    IpDatagram datagram;
    std::uint16_t gso_size = 0;
  };

  // ---- in: end_host_receive.cpp ----
  void handle(const Packet& packet);
  void handle_frame(const Packet& packet);
  void handle_ipv4(std::span<const std::uint8_t> bytes, bool checksum_known);
  void handle_ipv6(std::span<const std::uint8_t> bytes, bool checksum_known);
  void assemble(std::uint32_t id, std::uint32_t offset, bool more, IpDatagram piece);
  void deliver(IpDatagram datagram, bool checksum_known);
  void handle_udp(IpDatagram datagram);
  void handle_icmp(IpDatagram datagram);
  void answer(const IpDatagram& request, std::vector<std::uint8_t> payload);
  void put_into_inbox(IpDatagram datagram);

  // ---- neighbours: end_host_neighbours.cpp ----
  void handle_arp(std::span<const std::uint8_t> bytes);
  void handle_neighbour_message(const IpDatagram& datagram);
  void advertise(const IpAddress& target, const IpAddress& to);
  void learn(const IpAddress& address, const MacAddress& mac);
  void send_arp(const ArpHeader& header, const MacAddress& to);

  // ---- out: end_host_send.cpp ----
  [[nodiscard]] IpAddress next_hop(const IpAddress& destination) const;
  void route(IpDatagram datagram, std::uint16_t gso_size = 0);
  void transmit(IpDatagram datagram, std::uint16_t gso_size, const MacAddress& to);
  void transmit_fragments(const IpDatagram& datagram, const MacAddress& to);
  // Ethernet and IP headers in front of a piece of the payload; null: no buffer.
  [[nodiscard]] PacketPtr frame(const IpDatagram& datagram, std::span<const std::uint8_t> piece,
                                const std::optional<Fragment>& fragment, const MacAddress& to);
  void write_ipv4(std::uint8_t* at, const IpDatagram& datagram, const std::optional<Fragment>& fragment,
                  std::size_t payload);
  static void write_ipv6(std::uint8_t* at, const IpDatagram& datagram,
                         const std::optional<Fragment>& fragment, std::size_t payload);
  void send_packet(PacketPtr packet);

  EndHostOptions options_;
  Port* port_;
  PacketPool* pool_;
  std::map<IpAddress, MacAddress> neighbours_;
  std::deque<Waiting> waiting_;
  std::deque<IpDatagram> inbox_;
  Reassembler reassembler_;
  std::uint32_t next_id_ = 1;
  EndHostCounters counters_;
};

}  // namespace netkit
