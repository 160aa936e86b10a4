// A perf ring: where bpf_perf_event_output of one CPU writes to, in the kernel's memory layout (struct
// perf_event_mmap_page and data pages, linux/perf_event.h), so that libbpf's perf_buffer code can read it.
//
// Theory of operation. A ring is a shared memory file of its own and an eventfd that becomes readable when
// enough records have been written. A consumer maps the file, opens its ring for a CPU and puts its id into a
// PERF_EVENT_ARRAY. Only the owner of that CPU writes, one record at a time, and the consumer moves
// data_tail: no lock. What finds no room is counted and told by a PERF_RECORD_LOST before the next record
// that does.
#pragma once

#include <linux/perf_event.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::bpf {

struct PerfRingOptions {
  std::uint32_t cpu = 0;            // the virtual CPU whose output it takes
  std::uint32_t pages = 8;          // of data; a power of two
  std::uint32_t wakeup_events = 1;  // the consumer is woken after so many records
};

class PerfRing {
 public:
  // EINVAL: the CPU or the number of pages is none; ENOMEM.
  [[nodiscard]] static Result<std::shared_ptr<PerfRing>> open(const PerfRingOptions& options);
  // The ring with that id, or null.
  [[nodiscard]] static std::shared_ptr<PerfRing> find(std::uint32_t id);
  ~PerfRing();
  PerfRing(const PerfRing&) = delete;
  PerfRing& operator=(const PerfRing&) = delete;

  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] std::uint32_t cpu() const { return options_.cpu; }
  [[nodiscard]] int file() const { return file_.get(); }  // the page of perf_event_mmap_page, then the data
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] int wakeup() const { return wakeup_.get(); }

  // Appends a PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW: the parts, one behind the other. For the thread that
  // owns the ring's CPU. -ENOSPC: no room.
  std::int64_t output(std::span<const std::span<const std::byte>> parts);

 private:
  PerfRing(const PerfRingOptions& options, Fd file, Fd wakeup, std::byte* base, std::size_t size);
  [[nodiscard]] perf_event_mmap_page& page() const { return *reinterpret_cast<perf_event_mmap_page*>(base_); }
  void copy_in(std::uint64_t& position, const void* from, std::size_t bytes);

  PerfRingOptions options_;
  Fd file_;
  Fd wakeup_;
  std::byte* base_;
  std::size_t size_;        // of the whole mapping
  std::uint32_t id_ = 0;    // ids only rise; never 0
  std::uint64_t lost_ = 0;  // records since the last that found room
  std::uint32_t events_ = 0;
};

// A consumer's view of a ring, in this process or another: maps the file that it is given.
class PerfReader {
 public:
  [[nodiscard]] static Result<PerfReader> map(int file, std::size_t size);
  PerfReader(PerfReader&& other) noexcept;
  PerfReader& operator=(PerfReader&&) = delete;
  ~PerfReader();

  // Visits every record that is there (header and what follows, header.size bytes) and consumes it.
  using Visitor = std::function<void(std::span<const std::byte> record)>;
  void read(const Visitor& visit);

 private:
  PerfReader(std::byte* base, std::size_t size) : base_(base), size_(size) {}
  std::byte* base_;
  std::size_t size_;
};

}  // namespace netkit::bpf
