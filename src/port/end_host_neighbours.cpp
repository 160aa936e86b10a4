// ARP (RFC 826) and neighbour discovery (RFC 4861) of an end host.
#include <algorithm>
#include <array>

#include "packet/builder.h"
#include "port/end_host.h"

namespace netkit {
namespace {

constexpr std::uint8_t kHopLimit = 255;  // nothing else is believed
constexpr std::size_t kTarget = 8;       // where the target address stands
constexpr std::size_t kOptions = 24;
enum Option : std::uint8_t { kSourceLinkLayer = 1, kTargetLinkLayer = 2 };
enum AdvertisementFlag : std::uint16_t { kSolicited = 0x4000, kOverride = 0x2000 };

constexpr IpAddress kAllNodes{IpFamily::kV6, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

IpAddress solicited_node_group(const IpAddress& target) {
  IpAddress group{IpFamily::kV6, {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
  std::copy_n(target.storage.begin() + 13, 3, group.storage.begin() + 13);
  return group;
}

bool is_unspecified(const IpAddress& address) {
  return address.storage == decltype(address.storage){};
}

std::optional<MacAddress> link_layer_option(std::span<const std::uint8_t> message, Option wanted) {
  for (std::size_t at = kOptions; at + 8 <= message.size();) {
    if (message[at] == wanted) return load_unaligned<MacAddress>(message.data() + at + 2);
    const std::size_t length = message[at + 1] * std::size_t{8};
    if (length == 0) return std::nullopt;
    at += length;
  }
  return std::nullopt;
}

// A solicitation or advertisement of the target, with one link-layer address option.
std::vector<std::uint8_t> neighbour_message(std::uint8_t type, std::uint16_t flags, const IpAddress& target,
                                            Option option, const MacAddress& mac) {
  std::vector<std::uint8_t> message(kOptions + 8);
  write_header(message.data(), IcmpHeader{.type = type, .rest = {Be16(flags), Be16{}}});
  std::ranges::copy(target.storage, message.begin() + kTarget);
  message[kOptions] = option;
  message[kOptions + 1] = 1;
  std::ranges::copy(mac.bytes, message.begin() + kOptions + 2);
  return message;
}

}  // namespace

void EndHost::handle_arp(std::span<const std::uint8_t> bytes) {
  const auto arp = read_header<ArpHeader>(bytes);
  if (!arp) {
    ++counters_.malformed;
    return;
  }
  if (!owns(IpAddress::from_bytes(arp->target_ip))) {
    ++counters_.not_for_us;
    return;
  }
  const IpAddress sender = IpAddress::from_bytes(arp->sender_ip);
  if (!is_unspecified(sender)) learn(sender, arp->sender_mac);
  if (arp->operation != kArpRequest) return;
  ++counters_.answered;
  send_arp({.operation = kArpReply,
            .sender_mac = options_.mac,
            .sender_ip = arp->target_ip,
            .target_mac = arp->sender_mac,
            .target_ip = arp->sender_ip},
           arp->sender_mac);
}

void EndHost::handle_neighbour_message(const IpDatagram& datagram) {
  if (datagram.hop_limit != kHopLimit || datagram.payload.size() < kOptions) {
    ++counters_.malformed;
    return;
  }
  const IpAddress target = IpAddress::from_bytes(std::span(datagram.payload).subspan(kTarget, 16));
  if (datagram.payload[0] == kIcmpv6NeighborAdvertisement) {
    if (const auto mac = link_layer_option(datagram.payload, kTargetLinkLayer)) learn(target, *mac);
    return;
  }
  if (is_l3() || !owns(target)) {
    ++counters_.not_for_us;
    return;
  }
  if (const auto mac = link_layer_option(datagram.payload, kSourceLinkLayer)) learn(datagram.source, *mac);
  ++counters_.answered;
  advertise(target, datagram.source);
}

// Who has no address yet (duplicate address detection) is answered by all nodes' group.
void EndHost::advertise(const IpAddress& target, const IpAddress& to) {
  const bool unknown = is_unspecified(to);
  const auto flags = static_cast<std::uint16_t>(kOverride | (unknown ? 0 : kSolicited));
  route({.source = target,
         .destination = unknown ? kAllNodes : to,
         .protocol = kIpIcmpv6,
         .hop_limit = kHopLimit,
         .payload =
             neighbour_message(kIcmpv6NeighborAdvertisement, flags, target, kTargetLinkLayer, options_.mac)});
}

void EndHost::solicit(const IpAddress& address) {
  const auto source = source_for(address);
  if (!source || is_l3()) return;
  if (address.is_v6()) {
    route({.source = *source,
           .destination = solicited_node_group(address),
           .protocol = kIpIcmpv6,
           .hop_limit = kHopLimit,
           .payload =
               neighbour_message(kIcmpv6NeighborSolicitation, 0, address, kSourceLinkLayer, options_.mac)});
    return;
  }
  ArpHeader arp{.operation = kArpRequest, .sender_mac = options_.mac};
  std::ranges::copy(source->bytes(), arp.sender_ip.begin());
  std::ranges::copy(address.bytes(), arp.target_ip.begin());
  send_arp(arp, kBroadcastMac);
}

void EndHost::send_arp(const ArpHeader& header, const MacAddress& to) {
  PacketPtr packet = PacketBuilder().ethernet(options_.mac, to).arp(header).build(*pool_);
  if (packet == nullptr)
    ++counters_.no_buffer;
  else
    send_packet(std::move(packet));
}

std::optional<MacAddress> EndHost::neighbour(const IpAddress& address) const {
  const auto found = neighbours_.find(address);
  return found == neighbours_.end() ? std::nullopt : std::optional(found->second);
}

// What waited for the address goes out.
void EndHost::learn(const IpAddress& address, const MacAddress& mac) {
  neighbours_[address] = mac;
  for (Waiting& one : std::exchange(waiting_, {})) {
    if (one.next_hop == address)
      transmit(std::move(one.datagram), one.gso_size, mac);
    else
      waiting_.push_back(std::move(one));
  }
}

}  // namespace netkit
