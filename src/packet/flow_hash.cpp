#include "packet/flow_hash.h"

#include <utility>

namespace netkit {
namespace {

constexpr std::uint64_t kOdd = 0x9e37'79b9'7f4a'7c15U;

// The two halves of a full product, folded: each bit of the input reaches all of the output.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = Product{a ^ kOdd} * (b | 1U);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

constexpr std::uint32_t never_zero_hash(std::uint64_t hash) {
  const auto folded = static_cast<std::uint32_t>(hash ^ (hash >> 32U));
  return folded == 0 ? 1 : folded;
}

// One end of a flow, as a number to order and mix.
struct End {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint64_t port = 0;

  friend auto operator<=>(const End&, const End&) = default;
};

std::pair<End, End> ends_of(std::span<const std::uint8_t> bytes, const Layout& layout) {
  const std::uint8_t* ip = bytes.data() + layout.network;
  if (layout.family == IpFamily::kV4) {
    const auto header = load_unaligned<Ipv4Header>(ip);
    return {End{.low = header.source.raw()}, End{.low = header.destination.raw()}};
  }
  const auto header = load_unaligned<Ipv6Header>(ip);
  const auto end = [](const Ipv6Bytes& address) {
    return End{.high = load_unaligned<std::uint64_t>(address.data()),
               .low = load_unaligned<std::uint64_t>(address.data() + 8)};
  };
  return {end(header.source), end(header.destination)};
}

bool has_ports(std::span<const std::uint8_t> bytes, const Layout& layout) {
  const bool kind = layout.protocol == kIpTcp || layout.protocol == kIpUdp || layout.protocol == kIpSctp;
  return kind && !layout.fragment && bytes.size() >= layout.transport + 2 * sizeof(Be16);
}

}  // namespace

std::uint32_t flow_hash(std::span<const std::uint8_t> bytes, const Layout& layout) {
  auto [a, b] = ends_of(bytes, layout);
  if (has_ports(bytes, layout)) {
    a.port = load_unaligned<Be16>(bytes.data() + layout.transport).raw();
    b.port = load_unaligned<Be16>(bytes.data() + layout.transport + sizeof(Be16)).raw();
  }
  if (b < a) std::swap(a, b);  // both directions give the same (__flow_hash_consistentify)
  std::uint64_t hash = layout.protocol;
  for (const std::uint64_t word : {a.high, a.low, b.high, b.low, a.port << 16U | b.port})
    hash = mix(hash ^ word, kOdd);
  return never_zero_hash(hash);
}

std::uint32_t get_flow_hash(Packet& packet) {
  PacketMeta& meta = packet.meta;
  if (meta.l4_hash || meta.sw_hash) return meta.hash;
  const auto layout = dissect(packet);
  meta.hash = layout ? flow_hash(packet.bytes(), *layout) : never_zero_hash(mix(meta.protocol.raw(), kOdd));
  meta.l4_hash = layout && has_ports(packet.bytes(), *layout);
  meta.sw_hash = true;
  return meta.hash;
}

}  // namespace netkit
