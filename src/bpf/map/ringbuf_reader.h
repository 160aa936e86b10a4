// A consumer of a ring buffer, in this process or another: maps the region's file as a process maps a ring
// buffer of the kernel (bpf/map/ringbuf.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"

namespace netkit::bpf {

class RingbufReader {
 public:
  // `file` is the region's, `size` the map's max_entries.
  [[nodiscard]] static Result<RingbufReader> map(int file, std::uint64_t size);
  RingbufReader(RingbufReader&& other) noexcept;
  RingbufReader& operator=(RingbufReader&&) = delete;
  ~RingbufReader();

  // Visits the records that have been committed, up to the first that is still being written, and consumes
  // them; returns how many were visited, discarded ones not counted.
  using Visitor = std::function<void(std::span<const std::byte> record)>;
  std::size_t read(const Visitor& visit);

 private:
  RingbufReader(std::byte* consumer, std::byte* producer, std::uint64_t size)
      : consumer_(consumer), producer_(producer), size_(size) {}
  std::byte* consumer_;  // one page, writable
  std::byte* producer_;  // one page, then the data twice
  std::uint64_t size_;
};

}  // namespace netkit::bpf
