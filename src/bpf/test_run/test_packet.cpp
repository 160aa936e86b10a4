#include "bpf/test_run/test_packet.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "bpf/run/skb.h"
#include "packet/checksum.h"
#include "packet/dissect.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kMaxLinear = 3712;       // a page less headroom and the kernel's bookkeeping (x86-64)
constexpr std::uint32_t kMaxFragments = 17;      // MAX_SKB_FRAGS, a page each
constexpr std::uint32_t kMaxWireLength = 65536;  // GSO_LEGACY_MAX_SIZE
constexpr std::uint32_t kMaxSegments = 65535;    // GSO_MAX_SEGS
constexpr std::uint32_t kLoopback = 1;
constexpr std::size_t kIpv4Addresses =
    12;  // offset of the source's in the header, the destination's behind it
constexpr std::size_t kIpv6Addresses = 8;
static_assert(sizeof(__sk_buff) == kSkbSize);

// The fields that a request may set, as ranges of struct __sk_buff.
struct Range {
  std::size_t first;
  std::size_t end;
};
constexpr Range kSettable[] = {
    {offsetof(__sk_buff, mark), offsetof(__sk_buff, mark) + 4},
    {offsetof(__sk_buff, priority), offsetof(__sk_buff, ifindex) + 4},
    {offsetof(__sk_buff, cb), offsetof(__sk_buff, hash)},
    {offsetof(__sk_buff, data_end), offsetof(__sk_buff, data_end) + 4},
    {offsetof(__sk_buff, tstamp), offsetof(__sk_buff, gso_segs) + 4},
    {offsetof(__sk_buff, gso_size), offsetof(__sk_buff, gso_size) + 4},
    {offsetof(__sk_buff, hwtstamp), offsetof(__sk_buff, hwtstamp) + 8},
};

bool is_settable(std::size_t offset) {
  return std::ranges::any_of(
      kSettable, [offset](const Range& range) { return offset >= range.first && offset < range.end; });
}

std::string field_at(std::size_t offset) {
  for (const SkbFieldInfo& field : skb_fields()) {
    if (offset >= field.offset && offset < std::size_t{field.offset} + field.size)
      return std::string(field.name);
  }
  return fmt::format("the field at offset {}", offset);
}

Result<> check_fields(const __sk_buff& context) {
  const auto bytes = std::as_bytes(std::span(&context, 1));
  for (std::size_t offset = 0; offset < bytes.size(); ++offset) {
    if (bytes[offset] == std::byte{0} || is_settable(offset)) continue;
    return fail(EINVAL, fmt::format("context: {} must be zero", field_at(offset)),
                "a test run takes mark, priority, ingress_ifindex, ifindex, cb, data_end, tstamp, wire_len, "
                "gso_segs, gso_size and hwtstamp");
  }
  return {};
}

Result<> check_lengths(const __sk_buff& context, std::uint32_t length) {
  if (context.wire_len != 0 && (context.wire_len < length || context.wire_len > kMaxWireLength))
    return fail(EINVAL, fmt::format("context: wire_len is {}, of a packet of {} bytes it can be {} to {}",
                                    context.wire_len, length, length, kMaxWireLength));
  if (context.gso_segs > kMaxSegments)
    return fail(EINVAL, fmt::format("context: gso_segs is {}, at most {} are possible", context.gso_segs,
                                    kMaxSegments));
  return {};
}

// An IP packet must have its header in the linear part.
Result<> check_network_header(Be16 protocol, std::uint32_t linear) {
  const std::uint32_t needed = protocol == kProtoIpv4 ? 20 : protocol == kProtoIpv6 ? 40 : 0;
  if (linear - kEthernetHeader >= needed) return {};
  return fail(EINVAL,
              fmt::format("the EtherType is that of {}, whose header of {} bytes is not in the linear "
                          "part of {} bytes",
                          needed == 20 ? "IPv4" : "IPv6", needed, linear));
}

std::uint32_t linear_length(const TestInput& input, const __sk_buff& context) {
  const auto length = static_cast<std::uint32_t>(input.data.size());
  const std::uint32_t wanted = context.data_end == 0 ? length : std::max(context.data_end, kEthernetHeader);
  return std::min(wanted, kMaxLinear);
}

}  // namespace

Result<__sk_buff> read_test_context(const TestInput& input) {
  if ((input.flags & ~kTestChecksumComplete) != 0)
    return fail(EINVAL, fmt::format("unknown flags {:#x}", input.flags & ~kTestChecksumComplete));
  if (input.cpu != 0 || input.batch_size != 0)
    return fail(EINVAL, "cpu and batch_size are for other types of programs");
  if (input.data.size() < kEthernetHeader)
    return fail(EINVAL, fmt::format("the packet has {} bytes, an Ethernet header alone has {}",
                                    input.data.size(), kEthernetHeader));
  __sk_buff context{};
  const std::span<const std::byte> given = input.context;
  const auto known = given.first(std::min(given.size(), sizeof context));
  const auto tail = given.subspan(known.size());
  if (std::ranges::any_of(tail, [](std::byte byte) { return byte != std::byte{0}; }))
    return fail(E2BIG, fmt::format("the context has {} bytes, struct __sk_buff has {}", given.size(),
                                   sizeof context));
  if (!known.empty()) std::memcpy(&context, known.data(), known.size());
  if (context.data_end > input.data.size())
    return fail(EINVAL, fmt::format("context: data_end is {}, the packet has {} bytes", context.data_end,
                                    input.data.size()));
  if (context.data != 0 || context.data_meta != 0)
    return fail(EINVAL, fmt::format("context: {} must be zero", context.data != 0 ? "data" : "data_meta"));
  const std::uint32_t most = linear_length(input, context) + kMaxFragments * kPage;
  if (input.data.size() > most)
    return fail(ENOMEM,
                fmt::format("the packet has {} bytes, a test run's has at most {}", input.data.size(), most));
  return context;
}

Result<PacketPtr> make_test_packet(const TestInput& input, const __sk_buff& context, PacketPool& pool) {
  const auto length = static_cast<std::uint32_t>(input.data.size());
  PacketPtr packet = pool.allocate(length);
  if (packet == nullptr) return fail(ENOMEM, fmt::format("no buffer for a packet of {} bytes", length));
  std::ranges::copy(input.data, packet->data());
  packet->set_linear_len(linear_length(input, context));
  packet->set_mac_header();
  packet->set_network_header(kEthernetHeader);

  // Received by a device whose address, and that for broadcast, are zero: the loopback device.
  const auto frame = *classify_frame(packet->bytes(), MacAddress{});
  TRY(check_network_header(frame.proto, packet->linear_len()));
  TRY(check_fields(context));
  TRY(check_lengths(context, length));
  PacketMeta& meta = packet->meta;
  meta.protocol = frame.proto;
  meta.pkt_type = frame.type == PacketType::kBroadcast ? PacketType::kMulticast : frame.type;
  meta.ifindex = context.ifindex == 0 ? kLoopback : context.ifindex;
  meta.skb_iif = context.ingress_ifindex;
  meta.mark = context.mark;
  meta.priority = context.priority;
  std::ranges::copy(context.cb, meta.cb.begin());
  meta.tstamp = context.tstamp;
  meta.hwtstamp = context.hwtstamp;
  meta.wire_len = context.wire_len != 0 ? context.wire_len : length;
  meta.gso.segs = static_cast<std::uint16_t>(context.gso_segs);
  meta.gso.size = static_cast<std::uint16_t>(context.gso_size);
  return packet;
}

Socket make_test_socket(Packet& packet) {
  constexpr std::uint64_t kHandle = 1;
  packet.meta.socket = kHandle;
  Socket socket;
  socket.handle = socket.cookie = kHandle;
  socket.netns_cookie = 1;
  socket.uid = 0;
  socket.cgroups = {1};  // the root of the hierarchy
  socket.hashed = false;
  const auto header = packet.bytes().first(packet.linear_len()).subspan(kEthernetHeader);
  if (packet.meta.protocol == kProtoIpv4) {
    socket.sock.family = AF_INET;
    std::memcpy(&socket.sock.src_ip4, &header[kIpv4Addresses], sizeof socket.sock.src_ip4);
    std::memcpy(&socket.sock.dst_ip4, &header[kIpv4Addresses + 4], sizeof socket.sock.dst_ip4);
  } else if (packet.meta.protocol == kProtoIpv6) {
    socket.sock.family = AF_INET6;
    std::ranges::copy(header.subspan(kIpv6Addresses, 16), socket.sock.src_ip6.begin());
    std::ranges::copy(header.subspan(kIpv6Addresses + 16, 16), socket.sock.dst_ip6.begin());
  }
  return socket;
}

__sk_buff write_test_context(__sk_buff context, const Packet& packet) {
  const PacketMeta& meta = packet.meta;
  context.mark = meta.mark;
  context.priority = meta.priority;
  context.ingress_ifindex = meta.skb_iif;
  context.ifindex = meta.ifindex;
  context.tstamp = meta.tstamp;
  std::ranges::copy(meta.cb, context.cb);
  context.wire_len = meta.wire_len;
  context.gso_segs = meta.gso.segs;
  context.hwtstamp = meta.hwtstamp;
  return context;
}

namespace {

PartialSum sum_from_network_header(const Packet& packet) {
  const auto offset = static_cast<std::size_t>(packet.offset_of(packet.meta.network_header));
  return offset <= packet.len() ? sum_of(packet.bytes().subspan(offset)) : 0;
}

}  // namespace

void sum_test_packet(Packet& packet) {
  packet.meta.csum = {.state = ChecksumState::kComplete, .sum = sum_from_network_header(packet)};
}

bool test_sum_holds(const Packet& packet) {
  return finish(packet.meta.csum.sum) == finish(sum_from_network_header(packet));
}

}  // namespace netkit::bpf
