// A table of sockets for Outside: filled by a topology or an embedder, searched by programs.
//
// Lookups run on workers without locks, in an RCU read section; each change publishes a new snapshot, so a
// change costs time proportional to the table, and a lookup none of it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/rcu.h"
#include "bpf/run/socket.h"

namespace netkit::bpf {

class SocketTable {
 public:
  // Returns the socket's handle, a new one (also its cookie, unless it has one).
  std::uint64_t insert(Socket socket);
  // False: there is none of that handle.
  bool remove(std::uint64_t handle);

  // Null: none. What it gives stays as it is until the thread's next quiescent state.
  [[nodiscard]] const Socket* find(std::uint64_t handle) const;
  // The socket of the namespace with that cookie which a packet of this tuple would reach: a connected one,
  // else one bound to the address, else one bound to the port only (inet_lookup, udp_lib_lookup).
  [[nodiscard]] const Socket* find(const SocketQuery& query, std::uint64_t netns_cookie) const;

 private:
  struct Snapshot {
    std::unordered_map<std::uint64_t, std::shared_ptr<const Socket>> by_handle;
    std::map<std::uint16_t, std::vector<const Socket*>> by_port;  // local port, host order
  };
  void publish(std::unique_ptr<Snapshot> next);

  std::mutex changing_;
  std::uint64_t last_handle_ = 0;
  rcu::Published<Snapshot> current_{std::make_unique<Snapshot>()};
};

}  // namespace netkit::bpf
