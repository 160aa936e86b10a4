// RINGBUF: one ring of records for all CPUs, in the memory layout of the kernel (kernel/bpf/ringbuf.c).
//
// Theory of operation. Behind the region's header lie the consumer's page (its position), the producer's page
// (its position, and that of the oldest record that is not committed) and the data, whose size is a power of
// two. A process maps them as it would map a ring buffer of the kernel: the consumer's page writable, then
// the producer's page and the data twice in a row, so that a record that wraps is contiguous; this process
// maps the data twice, too. Positions count bytes and never wrap. A record is a header of 8 bytes (length
// with the bits kBusy and kDiscarded, distance to the ring's start in pages) and its data, rounded up to 8.
//
// Reserving takes a lock that lies behind the producer's positions, moves the producer's position and marks
// the record busy; committing is one exchange of the record's length, without the lock. The consumer reads up
// to the first busy record. With kRbOverwrite producers drop the oldest records instead of failing.
//
// The pages are writable for whoever holds the file: nothing that is read from them is trusted to be in
// range.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bpf/map/map.h"

namespace netkit::bpf {

// struct bpf_ringbuf_hdr
struct RingbufRecord {
  static constexpr std::uint32_t kBusy = 1U << 31, kDiscarded = 1U << 30;
  static constexpr std::uint32_t kHeaderSize = 8;

  std::atomic<std::uint32_t> length;
  std::uint32_t page_offset;
};

// Flags of submitting, discarding and of bpf_ringbuf_output.
inline constexpr std::uint64_t kRbNoWakeup = 1, kRbForceWakeup = 2;

struct RingbufGeometry {
  std::uint64_t consumer;  // offset of the consumer's page
  std::uint64_t producer;
  std::uint64_t data;
  std::uint64_t size;  // bytes of data
  std::uint32_t overwrite;
};

struct RingbufConsumer {
  std::atomic<std::uint64_t> position;
};
struct RingbufProducer {
  std::atomic<std::uint64_t> position;
  std::atomic<std::uint64_t> pending;    // of the oldest record that is not committed
  std::atomic<std::uint64_t> overwrite;  // of the oldest record that is not overwritten
  std::atomic<std::uint32_t> lock;
};

// A new record of `size` bytes whose data follow the returned header; null: no room, or larger than the ring.
[[nodiscard]] RingbufRecord* ringbuf_reserve(std::byte* base, const RingbufGeometry& geometry,
                                             std::uint64_t size);
// Hands the record on to the consumer, which skips it if it is discarded. True: the consumer is to be woken.
[[nodiscard]] bool ringbuf_commit(std::byte* base, const RingbufGeometry& geometry, RingbufRecord& record,
                                  std::uint64_t flags, bool discard);
// bpf_ringbuf_query; 0 for what is unknown.
[[nodiscard]] std::uint64_t ringbuf_query(std::byte* base, const RingbufGeometry& geometry,
                                          std::uint64_t what);

// ---- the same for helpers: `map` is a RINGBUF; data addresses are those behind the record's header ----
[[nodiscard]] void* ringbuf_reserve(Map& map, std::uint64_t size);
void ringbuf_commit(Map& map, void* data, std::uint64_t flags, bool discard);
[[nodiscard]] std::uint64_t ringbuf_query(const Map& map, std::uint64_t what);

}  // namespace netkit::bpf
