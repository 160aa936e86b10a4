// From the address that a program holds to the socket, and back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/run/context.h"
#include "bpf/run/socket.h"

namespace netkit::bpf {

// The socket behind an argument that the contract has checked; null for null. A program holds the address of
// one of the two images.
[[nodiscard]] inline const Socket* socket_at(const RunContext& run, std::uint64_t address) {
  if (address == 0) return nullptr;
  const Region* region = run.regions.find(address, 1);
  const std::size_t offset = region->kind == RegionKind::kTcpSocket ? offsetof(Socket, tcp) : 0;
  return reinterpret_cast<const Socket*>(address - offset);
}

// Lets the program read a socket, and gives what it holds of it.
inline std::uint64_t hand_out_socket(RunContext& run, const Socket* socket) {
  if (socket == nullptr) return 0;
  const auto address = reinterpret_cast<std::uint64_t>(socket);
  run.regions.hand_out({address, sizeof(SockImage), RegionKind::kSocket, false, 0});
  return address;
}
inline std::uint64_t hand_out_tcp_socket(RunContext& run, const Socket* socket) {
  if (socket == nullptr) return 0;
  const auto address = reinterpret_cast<std::uint64_t>(&socket->tcp);
  run.regions.hand_out({address, sizeof(TcpSockImage), RegionKind::kTcpSocket, false, 0});
  return address;
}

}  // namespace netkit::bpf
