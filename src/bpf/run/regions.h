// What memory a run may touch. The interpreter holds every access, and every memory argument of a helper,
// against this table, so that nothing a program computes can reach the process's own memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace netkit::bpf {

enum class RegionKind : std::uint8_t { kNone, kStack, kPacket, kPacketMeta, kContext, kMapValue, kGlobalData, kReservation, kMemory };

[[nodiscard]] std::string_view region_kind_name(RegionKind kind);

struct Region {
  std::uint64_t base = 0;  // native address
  std::uint64_t size = 0;  // bytes
  RegionKind kind = RegionKind::kNone;
  bool writable = false;
  std::uint32_t owner = 0;  // map id, or number of the reservation, for messages

  [[nodiscard]] bool holds(std::uint64_t at, std::uint64_t bytes) const {
    return at - base < size && bytes <= size - (at - base);
  }
};

// Regions that come and go during a run: map values handed out, reservations, dynptr slices. Those that are
// there throughout (packet, context, frames, the program's global data) are members of their own, since the
// interpreter tests them first and inline.
class RegionTable {
 public:
  Region stack;    // all live frames: grows downwards as calls nest
  Region packet;   // data_meta .. data_end
  Region context;  // the 192 bytes that R1 points to; only accesses of the context table are valid in it

  // Forgets everything of the last run; `globals` (the program's data sections, sorted by base) must outlive the run.
  void begin(std::span<const Region> globals);
  // A tail call: the other program's data sections.
  void enter(std::span<const Region> globals) { globals_ = globals; }

  // A map value is handed out: the same value twice is one region.
  void hand_out(const Region& region);
  // The region that began at `base` may not be touched any more (submitted reservation).
  void take_back(std::uint64_t base);

  // The region that holds [at, at + bytes), or null. Does not look at `writable`.
  [[nodiscard]] const Region* find(std::uint64_t at, std::uint64_t bytes) const;
  // Nearest region, for the message of a fault: the one that holds `at`, or the last that begins before it.
  [[nodiscard]] const Region* nearest(std::uint64_t at) const;

 private:
  [[nodiscard]] const Region* find_handed_out(std::uint64_t at, std::uint64_t bytes) const;
  void index_all();

  std::span<const Region> globals_;
  std::vector<Region> handed_out_;
  mutable std::size_t last_hit_ = 0;
  std::vector<std::uint32_t> by_base_;  // open addressing over handed_out_, used once there are many
};

}  // namespace netkit::bpf
