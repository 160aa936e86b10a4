#include "tests/support/streams.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>

namespace netkit::testing {
namespace {

constexpr int kBuffer = 16 << 20;
constexpr int kQuietMs = 1000;  // nothing arrives for so long: nothing is on its way any more
constexpr int kConnectMs = 3000;

sockaddr_in address_of(const std::string& text, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, text.c_str(), &address.sin_addr);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool readable(const Fd& socket, int limit_ms) {
  pollfd waiting{socket.get(), POLLIN, 0};
  return ::poll(&waiting, 1, limit_ms) > 0;
}

// Byte number n of a stream.
std::uint8_t byte_at(std::uint64_t n) {
  return static_cast<std::uint8_t>(n % 251);
}

}  // namespace

// ---- UDP ----

UdpStream::UdpStream(Fd sender, Fd receiver, const std::string& to, std::uint16_t port,
                     std::chrono::microseconds pace)
    : sender_(std::move(sender)), receiver_(std::move(receiver)) {
  ::setsockopt(receiver_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBuffer, sizeof kBuffer);
  const sockaddr_in any = address_of("0.0.0.0", port);
  ::bind(receiver_.get(), generic(any), sizeof any);
  receiving_ = std::jthread([this](const std::stop_token& stop) { receive(stop); });
  sending_ = std::jthread([=, this](const std::stop_token& stop) { send(stop, to, port, pace); });
}

void UdpStream::stop() {
  if (!sending_.joinable()) return;
  sending_.request_stop();
  sending_.join();
  receiving_.request_stop();
  receiving_.join();
}

void UdpStream::send(const std::stop_token& stop, const std::string& to, std::uint16_t port,
                     std::chrono::microseconds pace) {
  const sockaddr_in address = address_of(to, port);
  std::uint64_t number = 0;
  while (!stop.stop_requested()) {
    ++number;
    const ssize_t size = ::sendto(sender_.get(), &number, sizeof number, 0, generic(address), sizeof address);
    if (size == sizeof number) sent_.fetch_add(1);
    std::this_thread::sleep_for(pace);
  }
}

void UdpStream::receive(const std::stop_token& stop) {
  std::uint64_t last = 0;
  while (true) {
    if (!readable(receiver_, stop.stop_requested() ? kQuietMs : 20)) {
      if (stop.stop_requested()) return;
      continue;
    }
    std::uint64_t number = 0;
    if (::recv(receiver_.get(), &number, sizeof number, MSG_DONTWAIT) != sizeof number) continue;
    if (number <= last) out_of_order_.fetch_add(1);
    last = number;
    received_.fetch_add(1);
  }
}

// ---- TCP ----

TcpStream::TcpStream(Fd client, Fd server, const std::string& to, std::uint16_t port)
    : client_(std::move(client)), server_(std::move(server)) {
  const sockaddr_in any = address_of("0.0.0.0", port);
  const sockaddr_in target = address_of(to, port);
  const timeval limit{.tv_sec = kConnectMs / 1000, .tv_usec = 0};
  ::setsockopt(client_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const bool connected =
      ::bind(server_.get(), generic(any), sizeof any) == 0 && ::listen(server_.get(), 1) == 0 &&
      ::connect(client_.get(), generic(target), sizeof target) == 0 && readable(server_, kConnectMs);
  if (connected) accepted_ = Fd(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!accepted_) {
    broken_.store(true);
    return;
  }
  receiving_ = std::jthread([this] { receive(); });
  sending_ = std::jthread([this](const std::stop_token& stop) { send(stop); });
}

void TcpStream::stop() {
  if (!sending_.joinable()) return;
  sending_.request_stop();
  sending_.join();
  ::shutdown(client_.get(), SHUT_WR);
  receiving_.join();
}

void TcpStream::send(const std::stop_token& stop) {
  std::array<std::uint8_t, 16'384> chunk{};
  while (!stop.stop_requested()) {
    const std::uint64_t from = sent_.load();
    for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = byte_at(from + i);
    const ssize_t size = ::send(client_.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (size > 0) sent_.fetch_add(static_cast<std::uint64_t>(size));
    if (size < 0 && errno != EAGAIN) return broken_.store(true);
  }
}

void TcpStream::receive() {
  constexpr int kStalledMs = 20'000;
  std::array<std::uint8_t, 65'536> chunk{};
  while (readable(accepted_, kStalledMs)) {
    const ssize_t size = ::recv(accepted_.get(), chunk.data(), chunk.size(), 0);
    if (size == 0) return;
    if (size < 0) return broken_.store(true);
    const std::uint64_t from = received_.load();
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
      if (chunk[i] != byte_at(from + i)) return broken_.store(true);
    }
    received_.fetch_add(static_cast<std::uint64_t>(size));
  }
  broken_.store(true);
}

}  // namespace netkit::testing
