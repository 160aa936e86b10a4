// Traffic between two sockets that runs while a test does other things: every byte is numbered, so that what
// got lost on the way is known exactly.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "base/fd.h"

namespace netkit::testing {

// Datagrams that carry a counter, at a steady pace.
class UdpStream {
 public:
  // IPv4 datagram sockets of the two namespaces; `to` is an address of the receiver's.
  UdpStream(Fd sender, Fd receiver, const std::string& to, std::uint16_t port,
            std::chrono::microseconds pace);
  ~UdpStream() { stop(); }

  // Sends no more, and waits for what is on its way.
  void stop();
  // Datagrams that the sender's stack took.
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(); }
  // Different datagrams that arrived.
  [[nodiscard]] std::uint64_t received() const { return received_.load(); }
  [[nodiscard]] std::uint64_t out_of_order() const { return out_of_order_.load(); }

 private:
  void send(const std::stop_token& stop, const std::string& to, std::uint16_t port,
            std::chrono::microseconds pace);
  void receive(const std::stop_token& stop);

  Fd sender_;
  Fd receiver_;
  std::atomic<std::uint64_t> sent_{0}, received_{0}, out_of_order_{0};
  std::jthread receiving_;
  std::jthread sending_;
};

// A connection over which numbered bytes go as fast as they are taken.
class TcpStream {
 public:
  // IPv4 stream sockets of the two namespaces. Connected when it returns, or broken() at once.
  TcpStream(Fd client, Fd server, const std::string& to, std::uint16_t port);
  ~TcpStream() { stop(); }

  // Sends no more, closes, and waits until everything that was taken has come out at the other end.
  void stop();
  [[nodiscard]] std::uint64_t sent() const { return sent_.load(); }
  [[nodiscard]] std::uint64_t received() const { return received_.load(); }
  // No connection, or other bytes than those that were sent.
  [[nodiscard]] bool broken() const { return broken_.load(); }

 private:
  void send(const std::stop_token& stop);
  void receive();

  Fd client_;
  Fd server_;
  Fd accepted_;
  std::atomic<std::uint64_t> sent_{0}, received_{0};
  std::atomic<bool> broken_{false};
  std::jthread receiving_;
  std::jthread sending_;
};

}  // namespace netkit::testing
