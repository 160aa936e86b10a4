#include "bpf/map/ringbuf_reader.h"

#include <sys/mman.h>

#include <atomic>
#include <bit>
#include <utility>

#include "bpf/map/memory.h"
#include "bpf/map/ringbuf.h"
#include "bpf/map/value.h"

namespace netkit::bpf {
namespace {

// Behind the region's header.
constexpr off_t kConsumerAt = kPage, kProducerAt = 2 * kPage, kDataAt = 3 * kPage;

}  // namespace

Result<RingbufReader> RingbufReader::map(int file, std::uint64_t size) {
  if (!std::has_single_bit(size) || size % kPage != 0) return fail(EINVAL, "no size of a ring buffer");
  void* consumer = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, kConsumerAt);
  if (consumer == MAP_FAILED) return fail_errno("mapping a ring buffer's consumer page");
  // Room for the producer's page and the data twice; the second mapping takes the place of what is behind the
  // end of the file.
  void* producer = ::mmap(nullptr, kPage + 2 * size, PROT_READ, MAP_SHARED, file, kProducerAt);
  if (producer == MAP_FAILED) {
    ::munmap(consumer, kPage);
    return fail_errno("mapping a ring buffer");
  }
  RingbufReader reader(static_cast<std::byte*>(consumer), static_cast<std::byte*>(producer), size);
  void* mirror =
      ::mmap(reader.producer_ + kPage + size, size, PROT_READ, MAP_SHARED | MAP_FIXED, file, kDataAt);
  if (mirror == MAP_FAILED) return fail_errno("mapping a ring buffer's data a second time");
  return reader;
}

RingbufReader::RingbufReader(RingbufReader&& other) noexcept
    : consumer_(std::exchange(other.consumer_, nullptr)), producer_(other.producer_), size_(other.size_) {}

RingbufReader::~RingbufReader() {
  if (consumer_ == nullptr) return;
  ::munmap(consumer_, kPage);
  ::munmap(producer_, kPage + 2 * size_);
}

std::size_t RingbufReader::read(const Visitor& visit) {
  auto& consumer = *reinterpret_cast<RingbufConsumer*>(consumer_);
  const auto& producer = *reinterpret_cast<const RingbufProducer*>(producer_);
  std::uint64_t at = consumer.position.load(std::memory_order_relaxed);
  std::size_t visited = 0;
  while (at < producer.position.load(std::memory_order_acquire)) {
    const std::byte* record = producer_ + kPage + (at & (size_ - 1));
    const std::uint32_t word =
        reinterpret_cast<const RingbufRecord*>(record)->length.load(std::memory_order_acquire);
    if ((word & RingbufRecord::kBusy) != 0) break;
    const std::uint32_t length = word & ~RingbufRecord::kDiscarded;
    if (length > size_) break;
    if (word == length) {
      visit({record + RingbufRecord::kHeaderSize, length});
      ++visited;
    }
    at += round_up_8(length + RingbufRecord::kHeaderSize);
    consumer.position.store(at, std::memory_order_release);
  }
  return visited;
}

}  // namespace netkit::bpf
