#include "bpf/run/socket_table.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace netkit::bpf {
namespace {

using Address = std::array<std::uint8_t, 16>;

Address address_of(std::uint32_t family, std::uint32_t ip4, const Address& ip6) {
  if (family == AF_INET6) return ip6;
  Address address{};
  std::memcpy(address.data(), &ip4, sizeof ip4);
  return address;
}
bool is_any(const Address& address) {
  return address == Address{};
}

// How well a socket suits: 0 not at all, the higher the better.
enum Suits : int { kNot = 0, kByPort = 1, kByAddress = 2, kConnected = 3 };

Suits suits(const Socket& socket, const SocketQuery& query, std::uint64_t netns_cookie) {
  const SockImage& sock = socket.sock;
  if (socket.netns_cookie != netns_cookie || sock.protocol != query.protocol) return kNot;
  const Address local = address_of(sock.family, sock.src_ip4, sock.src_ip6);
  const bool same_family = sock.family == query.family;
  // An IPv6 socket that is bound to the port only takes IPv4 packets too.
  const bool dual = sock.family == AF_INET6 && query.family == AF_INET && !socket.ipv6_only && is_any(local);
  if (!same_family && !dual) return kNot;
  if (!is_any(local) && local != query.daddr) return kNot;
  if (sock.dst_port == Be16{}) return is_any(local) ? kByPort : kByAddress;
  const Address remote = address_of(sock.family, sock.dst_ip4, sock.dst_ip6);
  return sock.dst_port == query.sport && remote == query.saddr ? kConnected : kNot;
}

}  // namespace

std::uint64_t SocketTable::insert(Socket socket) {
  const std::lock_guard lock(changing_);
  socket.handle = ++last_handle_;
  if (socket.cookie == 0) socket.cookie = socket.handle;
  auto next = std::make_unique<Snapshot>();
  next->by_handle = current_.read()->by_handle;
  next->by_handle[socket.handle] = std::make_shared<const Socket>(std::move(socket));
  publish(std::move(next));
  return last_handle_;
}

bool SocketTable::remove(std::uint64_t handle) {
  const std::lock_guard lock(changing_);
  auto next = std::make_unique<Snapshot>();
  next->by_handle = current_.read()->by_handle;
  if (next->by_handle.erase(handle) == 0) return false;
  publish(std::move(next));
  return true;
}

void SocketTable::publish(std::unique_ptr<Snapshot> next) {
  for (const auto& [handle, socket] : next->by_handle)
    next->by_port[static_cast<std::uint16_t>(socket->sock.src_port)].push_back(socket.get());
  current_.publish(std::move(next));
}

const Socket* SocketTable::find(std::uint64_t handle) const {
  const auto& sockets = current_.read()->by_handle;
  const auto found = sockets.find(handle);
  return found == sockets.end() ? nullptr : found->second.get();
}

const Socket* SocketTable::find(const SocketQuery& query, std::uint64_t netns_cookie) const {
  const auto& ports = current_.read()->by_port;
  const auto candidates = ports.find(query.dport.host());
  if (candidates == ports.end()) return nullptr;
  const Socket* best = nullptr;
  Suits most = kNot;
  for (const Socket* socket : candidates->second) {
    const Suits now = suits(*socket, query, netns_cookie);
    if (now <= most) continue;
    best = socket;
    most = now;
  }
  return best;
}

}  // namespace netkit::bpf
