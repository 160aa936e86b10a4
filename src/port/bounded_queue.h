// A bounded lock-free queue of packets: many writers, one reader.
//
// Theory of operation (D. Vyukov's bounded queue). Every cell carries a sequence number that says whose turn
// it is: `position` = free for the writer of that position, `position + 1` = filled for the reader of it. A
// writer claims a position by compare-and-swap, fills the cell and passes it on by the number; the reader
// empties it and passes it on to the writer one round later. Nobody ever waits: a full or empty queue is seen
// in the cell's number.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

#include "packet/packet.h"

namespace netkit {

class BoundedPacketQueue {
 public:
  explicit BoundedPacketQueue(std::size_t capacity)
      : cells_(std::bit_ceil(std::max<std::size_t>(capacity, 2))) {
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  ~BoundedPacketQueue() {
    while (pop() != nullptr) continue;
  }
  BoundedPacketQueue(const BoundedPacketQueue&) = delete;
  BoundedPacketQueue& operator=(const BoundedPacketQueue&) = delete;

  // False: full; the packet stays with the caller.
  [[nodiscard]] bool push(PacketPtr& packet) {
    std::size_t position = tail_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cell_at(position);
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position) {
        if (!tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) continue;
        cell.packet = packet.release();
        cell.turn.store(position + 1, std::memory_order_release);
        return true;
      }
      const std::size_t tail = tail_.load(std::memory_order_relaxed);
      if (tail == position) return false;  // the cell still holds the packet of the round before
      position = tail;
    }
  }

  // Null: empty. One thread at a time.
  [[nodiscard]] PacketPtr pop() {
    Cell& cell = cell_at(head_);
    if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return nullptr;
    PacketPtr packet(cell.packet);
    cell.turn.store(head_ + cells_.size(), std::memory_order_release);
    ++head_;
    return packet;
  }

 private:
  static constexpr std::size_t kCacheLine = 64;
  struct Cell {
    std::atomic<std::size_t> turn;
    Packet* packet = nullptr;
  };
  Cell& cell_at(std::size_t position) { return cells_[position & (cells_.size() - 1)]; }

  std::vector<Cell> cells_;
  alignas(kCacheLine) std::atomic<std::size_t> tail_{0};
  alignas(kCacheLine) std::size_t head_ = 0;
};

}  // namespace netkit
