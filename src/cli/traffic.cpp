#include "cli/traffic.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/fd.h"

namespace netkit::cli {
namespace {

constexpr std::size_t kMaxDatagram = 65536;

struct AddressList {
  addrinfo* first = nullptr;
  AddressList() = default;
  AddressList(AddressList&& other) noexcept : first(std::exchange(other.first, nullptr)) {}
  AddressList& operator=(AddressList&&) = delete;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

Result<AddressList> resolve(const UdpEndpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  AddressList list;
  const int error =
      ::getaddrinfo(endpoint.address.c_str(), std::to_string(endpoint.port).c_str(), &hints, &list.first);
  if (error != 0) return fail(EINVAL, "not a numeric address: '" + endpoint.address + "'");
  return list;
}

Result<Fd> open_socket(const addrinfo& address) {
  Fd socket(::socket(address.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  const int room = 1 << 22;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  return socket;
}

// Bytes that tell one datagram from another and a fragment put in the wrong place.
void fill(std::vector<std::uint8_t>& datagram, std::uint32_t number) {
  for (std::size_t i = 0; i < datagram.size(); ++i) {
    datagram[i] = static_cast<std::uint8_t>(number * 31 + i + (i >> 8));
  }
}

bool answered(const Fd& socket, const std::vector<std::uint8_t>& sent, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<std::uint8_t> got(kMaxDatagram);
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd waiting{socket.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t bytes = ::recv(socket.get(), got.data(), got.size(), 0);
    if (bytes < 0) continue;  // an ICMP error; perhaps a later answer comes
    if (std::equal(sent.begin(), sent.end(), got.begin(), got.begin() + bytes)) return true;
  }
}

}  // namespace

Result<> serve_udp_echo(const UdpEndpoint& local) {
  const AddressList address = TRY(resolve(local));
  const Fd socket = TRY(open_socket(*address.first));
  if (::bind(socket.get(), address.first->ai_addr, address.first->ai_addrlen) < 0) {
    return fail_errno("bind " + local.address);
  }
  std::puts("ready");
  std::fflush(stdout);
  std::vector<std::uint8_t> datagram(kMaxDatagram);
  while (true) {
    sockaddr_storage from{};
    socklen_t from_length = sizeof from;
    auto* from_address = reinterpret_cast<sockaddr*>(&from);
    const ssize_t bytes =
        ::recvfrom(socket.get(), datagram.data(), datagram.size(), 0, from_address, &from_length);
    if (bytes < 0) continue;
    ::sendto(socket.get(), datagram.data(), static_cast<std::size_t>(bytes), 0, from_address, from_length);
  }
}

Result<> exchange_udp(const UdpEndpoint& remote, const UdpExchange& exchange) {
  const AddressList address = TRY(resolve(remote));
  const Fd socket = TRY(open_socket(*address.first));
  if (::connect(socket.get(), address.first->ai_addr, address.first->ai_addrlen) < 0) {
    return fail_errno("connect " + remote.address);
  }
  std::uint32_t answers = 0;
  std::vector<std::uint8_t> datagram(exchange.size);
  for (std::uint32_t number = 0; number < exchange.count; ++number) {
    fill(datagram, number);
    if (::send(socket.get(), datagram.data(), datagram.size(), 0) < 0) continue;
    answers += answered(socket, datagram, exchange.timeout);
  }
  std::printf("sent=%u answered=%u\n", exchange.count, answers);
  return {};
}

}  // namespace netkit::cli
