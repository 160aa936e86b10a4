// What memory a run may touch. The interpreter holds every access, and every memory argument of a helper,
// against this table, so that nothing a program computes can reach the process's own memory.
//
// Theory of operation. Stack, packet and context are there throughout and are tested first and inline. The
// program's data sections are a sorted span that the program owns. What is handed out during the run (map
// values, reservations, slices) is a vector: the one touched last is tried first, a handful is searched from
// the newest back, and from then on an index answers. The index is a hash table over granules: a region of at
// most 2^k bytes is entered under each of the one or two granules of 2^k bytes that it touches, so finding
// the region of any address takes one probe for each k in use, however many values a program has collected.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace netkit::bpf {

enum class RegionKind : std::uint8_t {
  kNone,
  kStack,
  kPacket,
  kPacketMeta,
  kContext,
  kMapValue,
  kGlobalData,
  kReservation,
  kMemory,
  kSocket,     // struct bpf_sock, by its access table (run/socket.h)
  kTcpSocket,  // struct bpf_tcp_sock, the same
};

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

// Whether its bytes are an image of a socket.
[[nodiscard]] constexpr bool is_socket(const Region& region) {
  return region.kind == RegionKind::kSocket || region.kind == RegionKind::kTcpSocket;
}

class RegionTable {
 public:
  Region stack;    // all live frames: grows downwards as calls nest
  Region packet;   // data_meta .. data_end
  Region context;  // the 192 bytes that R1 points to; only accesses of the context table are valid in it

  // Forgets everything of the last run; `globals` (the program's data sections, sorted by base) must outlive
  // the run.
  void begin(std::span<const Region> globals);
  // A tail call, or the return from one: the other program's data sections.
  void enter(std::span<const Region> globals) {
    globals_ = globals;
    last_ = &kNowhere;
  }

  // Memory is handed out; the same memory twice is one region, and the later description of it counts.
  void hand_out(const Region& region);
  // The region that began at `base` may not be touched any more (submitted reservation).
  void take_back(std::uint64_t base);

  // The region that holds [at, at + bytes), or null. Does not look at `writable`.
  [[nodiscard]] const Region* find(std::uint64_t at, std::uint64_t bytes) const;
  // The same among data sections and what was handed out, for callers that have tried the three above. The
  // answer is valid until the next hand_out.
  [[nodiscard]] const Region* find_memory(std::uint64_t at, std::uint64_t bytes) const {
    return last_->holds(at, bytes) ? last_ : search_memory(at, bytes);
  }
  // Nearest region, for the message of a fault: the one that holds `at`, or the last that begins before it.
  [[nodiscard]] const Region* nearest(std::uint64_t at) const;

 private:
  static constexpr std::size_t kSearched = 8;  // that many are searched one by one
  static constexpr std::uint32_t kEmpty = 0xffff'ffff;
  static constexpr Region kNowhere{};

  [[nodiscard]] const Region* search_memory(std::uint64_t at, std::uint64_t bytes) const;
  [[nodiscard]] std::size_t find_handed_out(std::uint64_t at, std::uint64_t bytes) const;
  [[nodiscard]] bool indexed() const { return index_used_ != 0; }
  void index(std::uint32_t position);
  void insert(std::uint64_t granule, unsigned level, std::uint32_t position);
  void rebuild_index();

  std::span<const Region> globals_;
  std::vector<Region> handed_out_;
  std::vector<std::uint32_t> free_;         // positions in handed_out_ that were taken back
  mutable const Region* last_ = &kNowhere;  // found last: a data section or an element of handed_out_
  std::vector<std::uint32_t> index_;        // open addressing: positions in handed_out_, kEmpty between them
  std::size_t index_used_ = 0;              // 0: everything is searched
  std::uint64_t levels_ = 0;                // bit k: a region of granule size 2^k is indexed
};

}  // namespace netkit::bpf
