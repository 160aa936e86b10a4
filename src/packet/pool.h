// Pools of packets: no allocation per packet. One pool belongs to one thread, which alone allocates from it;
// packets come back from any thread (from others through a lock-free list that the owner empties). The owner
// is the thread that allocated last: handing a pool to another thread needs a synchronisation between the
// two, as starting or joining a thread is, and nothing else.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "packet/packet.h"

namespace netkit {

// Buffer sizes: a frame (fits a UMEM chunk of 2 KiB), a 64 KiB super-packet, a BIG TCP super-packet; each
// with headroom and tailroom.
enum class SizeClass : std::uint8_t { kFrame = 0, kSuper = 1, kBig = 2 };
inline constexpr std::array<std::uint32_t, 3> kBufferBytes = {2048, 65536 + 1024, kMaxPacket + 2048};

struct PoolLimits {
  // How many packets of each class may exist at once; buffers are made in slabs as they are first needed.
  std::array<std::uint32_t, 3> packets = {65536, 4096, 256};
};

class PacketPool {
 public:
  explicit PacketPool(PoolLimits limits = {});
  ~PacketPool();  // every packet must have come back
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // A packet of `len` linear bytes (contents undefined) with at least `headroom` in front and `tailroom`
  // behind, fresh metadata, in the smallest class that fits. Null: none free, or longer than the largest
  // class.
  [[nodiscard]] PacketPtr allocate(std::uint32_t len, std::uint32_t headroom = kMinHeadroom,
                                   std::uint32_t tailroom = 0);
  // A copy of bytes and metadata (a clone whose bytes are its own), with the same headroom.
  [[nodiscard]] PacketPtr copy(const Packet& packet);

  // Packets that are out at present; exact only while nothing moves.
  [[nodiscard]] std::uint32_t in_use() const;

 private:
  friend class Packet;
  friend struct PacketReturn;
  struct Class;
  [[nodiscard]] bool owned() const;  // by the calling thread
  [[nodiscard]] Packet* take(SizeClass size_class);
  void give_back(Packet* packet) noexcept;
  [[nodiscard]] bool exchange_buffer(Packet& packet, SizeClass larger, std::uint32_t front,
                                     std::uint32_t head);

  std::array<std::unique_ptr<Class>, 3> classes_;
  std::atomic<const void*> owner_{nullptr};  // identity of the thread
};

}  // namespace netkit
