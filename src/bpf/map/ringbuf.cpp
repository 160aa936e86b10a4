#include "bpf/map/ringbuf.h"

#include <algorithm>

#include "bpf/map/lock.h"
#include "bpf/map/value.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kLargestRecord = 0xffff'ffffU / 4;  // RINGBUF_MAX_RECORD_SZ

// What bpf_ringbuf_query can be asked.
enum Query : std::uint64_t { kAvailable, kSize, kConsumer, kProducer, kOverwritten };

RingbufConsumer& consumer_of(std::byte* base, const RingbufGeometry& geometry) {
  return *reinterpret_cast<RingbufConsumer*>(base + geometry.consumer);
}
RingbufProducer& producer_of(std::byte* base, const RingbufGeometry& geometry) {
  return *reinterpret_cast<RingbufProducer*>(base + geometry.producer);
}
RingbufRecord& record_at(std::byte* base, const RingbufGeometry& geometry, std::uint64_t position) {
  return *reinterpret_cast<RingbufRecord*>(base + geometry.data +
                                           (position & (geometry.size - 1) & ~std::uint64_t{7}));
}
// Bytes that a record of such a length word takes in the ring.
std::uint64_t footprint(std::uint32_t length) {
  return round_up_8((length & ~(RingbufRecord::kBusy | RingbufRecord::kDiscarded)) +
                    RingbufRecord::kHeaderSize);
}

// Where the oldest record that is not committed begins now.
std::uint64_t advance_pending(std::byte* base, const RingbufGeometry& geometry, std::uint64_t pending,
                              std::uint64_t end) {
  while (pending < end) {
    const std::uint32_t length = record_at(base, geometry, pending).length.load(std::memory_order_acquire);
    if ((length & RingbufRecord::kBusy) != 0) break;
    pending += footprint(length);
  }
  return pending;
}

}  // namespace

RingbufRecord* ringbuf_reserve(std::byte* base, const RingbufGeometry& geometry, std::uint64_t size) {
  if (size > kLargestRecord) return nullptr;
  const std::uint64_t bytes = footprint(static_cast<std::uint32_t>(size));
  if (bytes > geometry.size) return nullptr;

  RingbufProducer& producer = producer_of(base, geometry);
  const std::uint64_t consumed = consumer_of(base, geometry).position.load(std::memory_order_acquire);
  const MapLock lock(producer.lock);
  const std::uint64_t start = producer.position.load(std::memory_order_relaxed);
  const std::uint64_t end = start + bytes;
  const std::uint64_t pending =
      advance_pending(base, geometry, producer.pending.load(std::memory_order_relaxed), start);
  producer.pending.store(pending, std::memory_order_relaxed);

  if (end - pending > geometry.size - 1) return nullptr;
  if (geometry.overwrite != 0) {
    std::uint64_t oldest = producer.overwrite.load(std::memory_order_relaxed);
    while (oldest < start && end - oldest > geometry.size - 1)
      oldest += footprint(record_at(base, geometry, oldest).length.load(std::memory_order_relaxed));
    producer.overwrite.store(oldest, std::memory_order_release);
  } else if (end - consumed > geometry.size - 1) {
    return nullptr;
  }

  RingbufRecord& record = record_at(base, geometry, start);
  record.length.store(static_cast<std::uint32_t>(size) | RingbufRecord::kBusy, std::memory_order_relaxed);
  const std::uint64_t offset = geometry.data - geometry.consumer + (start & (geometry.size - 1));
  record.page_offset = static_cast<std::uint32_t>(offset / kPage);
  producer.position.store(end, std::memory_order_release);
  return &record;
}

bool ringbuf_commit(std::byte* base, const RingbufGeometry& geometry, RingbufRecord& record,
                    std::uint64_t flags, bool discard) {
  std::uint32_t length = record.length.load(std::memory_order_relaxed) & ~RingbufRecord::kBusy;
  if (discard) length |= RingbufRecord::kDiscarded;
  record.length.exchange(length, std::memory_order_seq_cst);
  if ((flags & kRbForceWakeup) != 0) return true;
  // Only a consumer that waits for this very record has gone to sleep.
  const auto position =
      static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(&record) - (base + geometry.data));
  const std::uint64_t consumed = consumer_of(base, geometry).position.load(std::memory_order_acquire);
  return (consumed & (geometry.size - 1)) == position && (flags & kRbNoWakeup) == 0;
}

std::uint64_t ringbuf_query(std::byte* base, const RingbufGeometry& geometry, std::uint64_t what) {
  const RingbufProducer& producer = producer_of(base, geometry);
  const std::uint64_t consumed = consumer_of(base, geometry).position.load(std::memory_order_acquire);
  const std::uint64_t overwritten = producer.overwrite.load(std::memory_order_acquire);
  const std::uint64_t produced = producer.position.load(std::memory_order_acquire);
  switch (what) {
    case kAvailable:
      return produced - (geometry.overwrite != 0 ? std::max(consumed, overwritten) : consumed);
    case kSize:
      return geometry.size;
    case kConsumer:
      return consumed;
    case kProducer:
      return produced;
    case kOverwritten:
      return overwritten;
    default:
      return 0;
  }
}

}  // namespace netkit::bpf
