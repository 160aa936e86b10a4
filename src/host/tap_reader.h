// Reads frames from a TAP descriptor into packets without knowing their size beforehand.
//
// Theory of operation. A frame may be 60 bytes or a super-packet of 64 KiB, and a buffer that is too short
// cuts it silently. So each read scatters over two packets: a small one takes the first bytes, the rest goes
// into a large one at the offset where it belongs. A small frame has then cost no large buffer and no copy;
// for a large one only the first bytes are copied over. Where the pool has no packet a single byte stands in
// its place, by which an overflow shows.
#pragma once

#include <array>
#include <cstdint>

#include "host/uapi.h"
#include "packet/pool.h"

namespace netkit::host {

class TapReader {
 public:
  enum class Outcome : std::uint8_t { kFrame, kNothing, kNoMemory, kGone, kTooShort };

  TapReader(int fd, PacketPool& pool) : fd_(fd), pool_(pool) {}

  // One frame as it was on the descriptor: data() is its Ethernet header, metadata are fresh. `frame` and
  // `header` are only set for kFrame. Does not block.
  [[nodiscard]] Outcome read(PacketPtr& frame, VnetHeader& header);

 private:
  [[nodiscard]] Outcome take(std::uint32_t size, PacketPtr& frame);

  int fd_;
  PacketPool& pool_;
  PacketPtr small_;
  PacketPtr large_;
};

}  // namespace netkit::host
