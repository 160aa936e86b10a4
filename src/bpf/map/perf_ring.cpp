#include "bpf/map/perf_ring.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/per_cpu.h"
#include "bpf/map/memory.h"
#include "bpf/map/value.h"

namespace netkit::bpf {
namespace {

struct LostRecord {
  perf_event_header header;
  std::uint64_t id;
  std::uint64_t lost;
};

struct Table {
  std::mutex mutex;
  std::uint32_t last_id = 0;
  std::map<std::uint32_t, std::weak_ptr<PerfRing>> rings;
};

// Never destroyed: rings may outlive the statics of main.
Table& table() {
  static auto* const the_table = new Table;
  return *the_table;
}

std::byte* map_ring(int file, std::size_t size) {
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  return base == MAP_FAILED ? nullptr : static_cast<std::byte*>(base);
}

}  // namespace

Result<std::shared_ptr<PerfRing>> PerfRing::open(const PerfRingOptions& options) {
  constexpr std::uint32_t kMostPages = 1U << 20;
  if (options.cpu >= possible_cpus())
    return fail(EINVAL, fmt::format("a perf ring for CPU {}, there are {}", options.cpu, possible_cpus()));
  if (!std::has_single_bit(options.pages) || options.pages > kMostPages)
    return fail(EINVAL, fmt::format("a perf ring of {} pages, must be a power of two", options.pages));
  const std::size_t size = kPage + std::size_t{options.pages} * kPage;
  Fd file(::memfd_create("netkit-perf", MFD_CLOEXEC));
  Fd wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!file || !wakeup) return fail_errno("perf ring");
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return fail_errno("perf ring");
  std::byte* base = map_ring(file.get(), size);
  if (base == nullptr) return fail(ENOMEM, fmt::format("no address space for a perf ring of {} bytes", size));
  std::shared_ptr<PerfRing> ring(new PerfRing(options, std::move(file), std::move(wakeup), base, size));
  const std::lock_guard lock(table().mutex);
  ring->id_ = ++table().last_id;
  table().rings.emplace(ring->id_, ring);
  return ring;
}

std::shared_ptr<PerfRing> PerfRing::find(std::uint32_t id) {
  const std::lock_guard lock(table().mutex);
  const auto found = table().rings.find(id);
  return found == table().rings.end() ? nullptr : found->second.lock();
}

PerfRing::PerfRing(const PerfRingOptions& options, Fd file, Fd wakeup, std::byte* base, std::size_t size)
    : options_(options), file_(std::move(file)), wakeup_(std::move(wakeup)), base_(base), size_(size) {
  page().data_offset = kPage;
  page().data_size = size - kPage;
}

PerfRing::~PerfRing() {
  ::munmap(base_, size_);
  const std::lock_guard lock(table().mutex);
  table().rings.erase(id_);
}

std::int64_t PerfRing::output(std::span<const std::span<const std::byte>> parts) {
  std::uint64_t bytes = sizeof(std::uint32_t);
  for (const auto& part : parts) bytes += part.size();
  const std::uint64_t record = sizeof(perf_event_header) + round_up_8(bytes);
  const std::uint64_t needed = record + (lost_ != 0 ? sizeof(LostRecord) : 0);

  const std::uint64_t data_size = size_ - kPage;
  const std::uint64_t head = __atomic_load_n(&page().data_head, __ATOMIC_RELAXED);
  const std::uint64_t tail = __atomic_load_n(&page().data_tail, __ATOMIC_ACQUIRE);
  const std::uint64_t room = (tail - head - 1) & (data_size - 1);  // CIRC_SPACE
  if (needed > room || record > 0xffff) {
    ++lost_;
    return -ENOSPC;
  }

  std::uint64_t at = head;
  if (lost_ != 0) {
    const LostRecord told{{PERF_RECORD_LOST, 0, sizeof(LostRecord)}, id_, std::exchange(lost_, 0)};
    copy_in(at, &told, sizeof told);
  }
  const std::uint64_t end = at + record;
  const perf_event_header header{PERF_RECORD_SAMPLE, PERF_RECORD_MISC_KERNEL,
                                 static_cast<std::uint16_t>(record)};
  const auto raw_size = static_cast<std::uint32_t>(round_up_8(bytes) - sizeof(std::uint32_t));
  copy_in(at, &header, sizeof header);
  copy_in(at, &raw_size, sizeof raw_size);
  for (const auto& part : parts) copy_in(at, part.data(), part.size());
  constexpr std::uint64_t kPadding = 0;
  copy_in(at, &kPadding, end - at);
  __atomic_store_n(&page().data_head, end, __ATOMIC_RELEASE);

  if (++events_ < options_.wakeup_events) return 0;
  events_ = 0;
  const std::uint64_t one = 1;
  if (::write(wakeup_.get(), &one, sizeof one) < 0) return 0;  // the counter is full: who waits is awake
  return 0;
}

void PerfRing::copy_in(std::uint64_t& position, const void* from, std::size_t bytes) {
  const std::size_t data_size = size_ - kPage;
  const std::size_t at = position & (data_size - 1);
  const std::size_t first = std::min(bytes, data_size - at);
  std::memcpy(base_ + kPage + at, from, first);
  std::memcpy(base_ + kPage, static_cast<const std::byte*>(from) + first, bytes - first);
  position += bytes;
}

// ---- the consumer ----

Result<PerfReader> PerfReader::map(int file, std::size_t size) {
  if (size <= kPage || !std::has_single_bit(size - kPage)) return fail(EINVAL, "no size of a perf ring");
  std::byte* base = map_ring(file, size);
  if (base == nullptr) return fail_errno("mapping a perf ring");
  return PerfReader(base, size);
}

PerfReader::PerfReader(PerfReader&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}

PerfReader::~PerfReader() {
  if (base_ != nullptr) ::munmap(base_, size_);
}

void PerfReader::read(const Visitor& visit) {
  auto& page = *reinterpret_cast<perf_event_mmap_page*>(base_);
  const std::size_t data_size = size_ - kPage;
  const std::byte* data = base_ + kPage;
  const std::uint64_t head = __atomic_load_n(&page.data_head, __ATOMIC_ACQUIRE);
  std::uint64_t tail = page.data_tail;
  std::vector<std::byte> record;
  while (head - tail >= sizeof(perf_event_header) && head - tail <= data_size) {
    perf_event_header header;  // never wraps: records are multiples of 8 bytes
    std::memcpy(&header, data + (tail & (data_size - 1)), sizeof header);
    if (header.size < sizeof header || header.size > head - tail) break;
    record.resize(header.size);
    const std::size_t at = tail & (data_size - 1);
    const std::size_t first = std::min<std::size_t>(header.size, data_size - at);
    std::memcpy(record.data(), data + at, first);
    std::memcpy(record.data() + first, data, header.size - first);
    visit(record);
    tail += header.size;
    __atomic_store_n(&page.data_tail, tail, __ATOMIC_RELEASE);
  }
}

}  // namespace netkit::bpf
