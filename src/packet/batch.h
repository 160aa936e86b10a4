// A fixed-size run of packets that moves through the engine together.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "packet/packet.h"

namespace netkit {

class PacketBatch {
 public:
  static constexpr std::size_t kCapacity = 64;

  PacketBatch() = default;
  PacketBatch(PacketBatch&& other) noexcept
      : packets_(std::move(other.packets_)), size_(std::exchange(other.size_, 0)) {}
  PacketBatch& operator=(PacketBatch&& other) noexcept {
    packets_ = std::move(other.packets_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  [[nodiscard]] bool full() const { return size_ == kCapacity; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t room() const { return kCapacity - size_; }
  // The caller has checked full().
  void push(PacketPtr packet) { packets_[size_++] = std::move(packet); }
  [[nodiscard]] PacketPtr& operator[](std::size_t i) { return packets_[i]; }
  [[nodiscard]] auto begin() { return packets_.begin(); }
  [[nodiscard]] auto end() { return packets_.begin() + static_cast<std::ptrdiff_t>(size_); }
  // Forgets the packets: those still owned go back to their pools.
  void clear() { truncate(0); }
  // Keeps the first n; n is at most size().
  void truncate(std::size_t n) {
    for (std::size_t i = n; i < size_; ++i) packets_[i].reset();
    size_ = n;
  }

 private:
  std::array<PacketPtr, kCapacity> packets_;
  std::size_t size_ = 0;
};

}  // namespace netkit
