// The receive backlog of one worker: packets that wait for the receive side of their device (meta.dev), in
// order.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "packet/packet.h"

namespace netkit::device {

class Backlog {
 public:
  // net.core.netdev_max_backlog: a packet is refused while more than that many wait.
  static constexpr std::size_t kDefaultLimit = 1000;

  explicit Backlog(std::size_t limit = kDefaultLimit);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ > limit_; }
  // The caller has checked full().
  void push(PacketPtr packet) { ring_[(head_ + size_++) & mask_] = std::move(packet); }
  // The caller has checked empty().
  [[nodiscard]] PacketPtr& front() { return ring_[head_]; }
  [[nodiscard]] PacketPtr pop() {
    PacketPtr packet = std::move(ring_[head_]);
    head_ = (head_ + 1) & mask_;
    --size_;
    return packet;
  }

 private:
  std::size_t limit_;
  std::size_t mask_;
  std::vector<PacketPtr> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace netkit::device
