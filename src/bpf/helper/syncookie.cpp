// SYN cookies: bpf_tcp_gen_syncookie and bpf_tcp_check_syncookie for a listening socket, and the raw ones
// that need no socket.
//
// Theory of operation (net/ipv4/syncookies.c). The sequence number of an answer to a SYN holds a keyed hash
// of the connection, the minute in its upper eight bits, and which of four segment sizes the peer wanted,
// hidden by a second hash that knows the minute. The acknowledgement that comes back proves that the peer has
// seen the answer. Cookies are good for two minutes. The key is the process's own.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <random>

#include "base/clock.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/siphash.h"
#include "bpf/helper/socket_access.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kCookieBits = 24;
constexpr std::uint32_t kCookieMask = (1U << kCookieBits) - 1;
constexpr std::uint32_t kMaxAge = 2;  // minutes
constexpr Nanoseconds kMinute = 60'000'000'000;
constexpr std::uint16_t kDefaultMss4 = 536;        // TCP_MSS_DEFAULT
constexpr std::uint16_t kDefaultMss6 = 1280 - 60;  // IPV6_MIN_MTU less both headers
constexpr std::array<std::uint16_t, 4> kSizes4{536, 1300, 1440, 1460};
constexpr std::array<std::uint16_t, 4> kSizes6{1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60};

// Who talks to whom, as far as a cookie is about it.
struct Connection {
  std::array<std::uint64_t, 4> addresses{};  // as in the header, zero behind IPv4's
  std::uint32_t ports = 0;                   // as in the header
  const std::array<std::uint16_t, 4>* sizes = nullptr;
  std::uint16_t default_size = 0;
};

template <class Ip>
Connection connection_of(const std::uint8_t* ip, const TcpHeader& tcp) {
  constexpr bool kV4 = std::same_as<Ip, Ipv4Header>;
  Connection connection{.sizes = kV4 ? &kSizes4 : &kSizes6,
                        .default_size = kV4 ? kDefaultMss4 : kDefaultMss6};
  const std::span addresses(ip + offsetof(Ip, source), Ip::kSize - offsetof(Ip, source));
  std::memcpy(connection.addresses.data(), addresses.data(), addresses.size());
  std::memcpy(&connection.ports, &tcp, sizeof connection.ports);
  return connection;
}

const SipKey& key(std::size_t number) {
  static const std::array<SipKey, 2> keys = [] {
    std::random_device random;
    const auto word = [&] { return std::uint64_t{random()} << 32 | random(); };
    return std::array<SipKey, 2>{SipKey{word(), word()}, SipKey{word(), word()}};
  }();
  return keys[number];
}

std::uint32_t hash(const Connection& connection, std::uint32_t minute, std::size_t which) {
  const auto& [a, b, c, d] = connection.addresses;
  const std::array<std::uint64_t, 5> message{a, b, c, d, std::uint64_t{connection.ports} << 32 | minute};
  return static_cast<std::uint32_t>(siphash(key(which), message));
}

std::uint32_t minute_of(RunContext& run) {
  const Outside& outside = *run.outside;
  const Nanoseconds now =
      outside.clock != nullptr ? outside.clock(outside.self, CLOCK_MONOTONIC) : clock_ns(CLOCK_MONOTONIC);
  return static_cast<std::uint32_t>(now / kMinute);
}

// secure_tcp_syn_cookie
std::uint32_t make_cookie(const Connection& connection, std::uint32_t seq, std::uint32_t minute,
                          std::uint32_t data) {
  return hash(connection, 0, 0) + seq + (minute << kCookieBits) +
         ((hash(connection, minute, 1) + data) & kCookieMask);
}

// check_tcp_syn_cookie: the data, or nothing if the cookie is too old.
std::optional<std::uint32_t> open_cookie(const Connection& connection, std::uint32_t cookie,
                                         std::uint32_t seq, std::uint32_t minute) {
  cookie -= hash(connection, 0, 0) + seq;
  const std::uint32_t age = (minute - (cookie >> kCookieBits)) & (0xffff'ffffU >> kCookieBits);
  if (age >= kMaxAge) return std::nullopt;
  return (cookie - hash(connection, minute - age, 1)) & kCookieMask;
}

// The segment size that the peer asks for in its options; 0: none (tcp_parse_mss_option).
std::uint16_t size_option(std::span<const std::uint8_t> options) {
  constexpr std::uint8_t kEnd = 0, kNop = 1, kMss = 2, kMssLength = 4;
  std::uint16_t found = 0;
  while (!options.empty() && options[0] != kEnd) {
    if (options[0] == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) break;
    if (options[0] == kMss && options[1] == kMssLength) {
      const std::uint16_t size = load_unaligned<Be16>(&options[2]).host();
      if (size != 0) found = size;
    }
    options = options.subspan(options[1]);
  }
  return found;
}

// A TCP header in the program's memory, which may stand at any address, and its options.
struct Segment {
  Segment(const std::uint8_t* bytes, std::uint32_t bytes_size)
      : header(load_unaligned<TcpHeader>(bytes)),
        options(bytes + TcpHeader::kSize, bytes_size - TcpHeader::kSize) {}
  TcpHeader header;
  std::span<const std::uint8_t> options;
};

// The cookie in the lower half, the size that it stands for in the upper.
std::int64_t generate(RunContext& run, const Connection& connection, const Segment& segment) {
  const std::uint16_t asked = size_option(segment.options);
  const std::uint16_t wanted = asked != 0 ? asked : connection.default_size;
  const auto& sizes = *connection.sizes;
  auto index = static_cast<std::uint32_t>(sizes.size() - 1);
  while (index != 0 && wanted < sizes[index]) --index;
  const std::uint32_t cookie = make_cookie(connection, segment.header.seq.host(), minute_of(run), index);
  return static_cast<std::int64_t>(std::uint64_t{sizes[index]} << 32 | cookie);
}

bool is_valid(RunContext& run, const Connection& connection, const TcpHeader& tcp) {
  const auto data = open_cookie(connection, tcp.ack_seq.host() - 1, tcp.seq.host() - 1, minute_of(run));
  return data && *data < connection.sizes->size();
}

// ---- without a socket ----

template <class Ip>
std::int64_t raw_generate(RunContext& run, const std::uint8_t* ip, const std::uint8_t* tcp,
                          std::uint32_t tcp_size) {
  if (tcp_size < TcpHeader::kSize) return -EINVAL;
  const Segment segment(tcp, tcp_size);
  if (tcp_size != segment.header.length()) return -EINVAL;
  return generate(run, connection_of<Ip>(ip, segment.header), segment);
}
template <class Ip>
std::int64_t raw_check(RunContext& run, const std::uint8_t* ip, const std::uint8_t* tcp) {
  const auto header = load_unaligned<TcpHeader>(tcp);
  return is_valid(run, connection_of<Ip>(ip, header), header) ? 0 : -EACCES;
}

// ---- for a socket ----

bool listens(const Socket* socket) {
  return socket->sock.protocol == IPPROTO_TCP && socket->sock.state == kTcpListen;
}

// Calls `then` with the connection of the IP header, whatever its version; a negative errno if the header or
// the socket does not suit.
template <class Then>
std::int64_t with_connection(const Socket& socket, const std::uint8_t* ip, std::uint32_t ip_size,
                             const TcpHeader& tcp, Then then) {
  if (ip_size < Ipv4Header::kSize) return -EINVAL;
  switch (ip[0] >> 4U) {
    case 4:
      if (socket.sock.family == AF_INET6 && socket.ipv6_only) return -EINVAL;
      return then(connection_of<Ipv4Header>(ip, tcp));
    case 6:
      if (ip_size < Ipv6Header::kSize || socket.sock.family != AF_INET6) return -EINVAL;
      return then(connection_of<Ipv6Header>(ip, tcp));
    default:
      return -EPROTONOSUPPORT;
  }
}

std::int64_t tcp_check_syncookie(RunContext& run, std::uint64_t address, const std::uint8_t* ip,
                                 std::uint32_t ip_size, const std::uint8_t* segment, std::uint32_t size) {
  const Socket* socket = socket_at(run, address);
  if (size < TcpHeader::kSize || !listens(socket)) return -EINVAL;
  const auto tcp = load_unaligned<TcpHeader>(segment);
  if ((tcp.flags & (TcpHeader::kAck | TcpHeader::kRst | TcpHeader::kSyn)) != TcpHeader::kAck) return -ENOENT;
  if (ip_size < Ipv4Header::kSize) return -EINVAL;
  if (!socket->syn_queue_full) return -ENOENT;  // no cookie has been sent lately
  return with_connection(*socket, ip, ip_size, tcp, [&](const Connection& connection) -> std::int64_t {
    return is_valid(run, connection, tcp) ? 0 : -ENOENT;
  });
}

std::int64_t tcp_gen_syncookie(RunContext& run, std::uint64_t address, const std::uint8_t* ip,
                               std::uint32_t ip_size, const std::uint8_t* bytes, std::uint32_t size) {
  const Socket* socket = socket_at(run, address);
  if (size < TcpHeader::kSize) return -EINVAL;
  const Segment segment(bytes, size);
  const TcpHeader& tcp = segment.header;
  if (size != tcp.length() || !listens(socket)) return -EINVAL;
  constexpr std::uint8_t kMask = TcpHeader::kSyn | TcpHeader::kAck | TcpHeader::kFin | TcpHeader::kRst;
  if ((tcp.flags & kMask) != TcpHeader::kSyn) return -EINVAL;
  return with_connection(*socket, ip, ip_size, tcp, [&](const Connection& connection) -> std::int64_t {
    return socket->syn_queue_full ? generate(run, connection, segment) : -ENOENT;
  });
}

constexpr Contract kOfSocket = {
    .arguments = {Arg::kSocket, Arg::kPacketMem, Arg::kSize, Arg::kPacketMem, Arg::kSize}};

constexpr Helper kHelpers[] = {
    {.number = 100,
     .name = "tcp_check_syncookie",
     .contract = kOfSocket,
     .function = helper_call<tcp_check_syncookie>},
    {.number = 110,
     .name = "tcp_gen_syncookie",
     .contract = kOfSocket,
     .function = helper_call<tcp_gen_syncookie>},
    {.number = 204,
     .name = "tcp_raw_gen_syncookie_ipv4",
     .contract = {.arguments = {Arg::kIpv4Header, Arg::kPacketMem, Arg::kSizeOrZero}, .effects = kGplOnly},
     .function = helper_call<raw_generate<Ipv4Header>>},
    {.number = 205,
     .name = "tcp_raw_gen_syncookie_ipv6",
     .contract = {.arguments = {Arg::kIpv6Header, Arg::kPacketMem, Arg::kSizeOrZero}, .effects = kGplOnly},
     .function = helper_call<raw_generate<Ipv6Header>>},
    {.number = 206,
     .name = "tcp_raw_check_syncookie_ipv4",
     .contract = {.arguments = {Arg::kIpv4Header, Arg::kTcpHeader}, .effects = kGplOnly},
     .function = helper_call<raw_check<Ipv4Header>>},
    {.number = 207,
     .name = "tcp_raw_check_syncookie_ipv6",
     .contract = {.arguments = {Arg::kIpv6Header, Arg::kTcpHeader}, .effects = kGplOnly},
     .function = helper_call<raw_check<Ipv6Header>>},
};

}  // namespace

std::span<const Helper> syncookie_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
