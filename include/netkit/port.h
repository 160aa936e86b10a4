// The place of a device's stack, taken by the embedding process.
#pragma once

#include <chrono>
#include <memory>

#include <netkit/packet.h>
#include <netkit/result.h>

namespace netkit::v1 {

class NETKIT_API Port {
 public:
  // Closes: the device is without a stack again.
  ~Port();
  Port(Port&& other) noexcept;
  Port& operator=(Port&& other) noexcept;

  // Hands a packet to the device for transmission, as its stack would. ENODEV: the device has gone;
  // EMSGSIZE: longer than 512 KiB; ENOBUFS: the queue towards the engine is full.
  [[nodiscard]] Result<> send(const Packet& packet);
  // The next packet that the device delivered. EAGAIN: none came in that time.
  [[nodiscard]] Result<Packet> receive(std::chrono::milliseconds timeout = std::chrono::milliseconds(0));
  // Readable when receive would yield a packet; for poll(2).
  [[nodiscard]] int poll_fd() const;

 private:
  friend class Device;
  struct State;
  explicit Port(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netkit::v1
