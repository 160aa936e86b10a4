// Dynptrs: memory whose bounds are checked when it is used and not when the program is loaded. A program
// holds a struct bpf_dynptr, 16 bytes on its stack, and hands its address to functions.
//
// Nothing in those bytes is trusted. What a dynptr names is held against the run's regions each time it is
// used, so one that a program made up, or kept after its memory was submitted, reaches nothing that the
// program could not reach by a plain pointer.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/run/context.h"

namespace netkit::bpf {

class Dynptr {
 public:
  // What it stands on; in the bytes of a dynptr, so the numbers are few and small.
  enum class Kind : std::uint8_t {
    kNull,
    kLocal,        // a map value
    kReservation,  // of a ring buffer
    kPacket,       // the run's packet, across its linear end
    kPacketMeta,   // the metadata area in front of it
  };
  static constexpr std::uint64_t kMaxSize = (1U << 24) - 1;  // DYNPTR_MAX_SIZE

  Dynptr() = default;  // null
  // `size` is at most kMaxSize. `data` is the first byte, or for the packet kinds the context's address.
  Dynptr(Kind kind, std::uint64_t data, std::uint32_t size)
      : data_(data), size_and_kind_(size | (static_cast<std::uint32_t>(kind) << kKindShift)) {}

  [[nodiscard]] bool is_null() const { return data_ == 0; }
  [[nodiscard]] Kind kind() const { return static_cast<Kind>((size_and_kind_ >> kKindShift) & kKindMask); }
  [[nodiscard]] std::uint32_t size() const { return size_and_kind_ & kMaxSize; }
  [[nodiscard]] bool is_rdonly() const { return (size_and_kind_ & kReadOnly) != 0; }
  // Begins of the memory as it was given, and offset of the dynptr's first byte in it.
  [[nodiscard]] std::uint64_t data() const { return data_; }
  [[nodiscard]] std::uint32_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t first() const { return data_ + offset_; }
  // Whether [offset, offset + bytes) is inside.
  [[nodiscard]] bool holds(std::uint64_t offset, std::uint64_t bytes) const {
    return bytes <= size() && offset <= size() - bytes;
  }
  // Keeps [start, end) of it; start <= end <= size().
  void narrow(std::uint64_t start, std::uint64_t end) {
    offset_ += static_cast<std::uint32_t>(start);
    size_and_kind_ =
        (size_and_kind_ & ~static_cast<std::uint32_t>(kMaxSize)) | static_cast<std::uint32_t>(end - start);
  }

 private:
  static constexpr unsigned kKindShift = 24;
  static constexpr std::uint32_t kKindMask = 0x7;
  static constexpr std::uint32_t kReadOnly = 1U << 31;

  std::uint64_t data_ = 0;
  std::uint32_t size_and_kind_ = 0;
  std::uint32_t offset_ = 0;
};
static_assert(sizeof(Dynptr) == 16);

// Whether a dynptr names memory that the run may touch (or none: null). The engine asks before every call.
[[nodiscard]] bool is_valid_dynptr(const RunContext& run, const Dynptr& dynptr);

// bpf_dynptr_read, bpf_dynptr_write: 0 or -errno. Flags of a write to the packet are those of
// bpf_skb_store_bytes, all others must be 0.
[[nodiscard]] std::int64_t read_dynptr(RunContext& run, std::span<std::uint8_t> to, const Dynptr& from,
                                       std::uint64_t offset, std::uint64_t flags);
[[nodiscard]] std::int64_t write_dynptr(RunContext& run, const Dynptr& to, std::uint64_t offset,
                                        std::span<const std::uint8_t> from, std::uint64_t flags);
// bpf_dynptr_slice: where the bytes are, or a copy of them in `buffer` (which may be null) when packet bytes
// are not linear. Null: outside, or no buffer.
[[nodiscard]] std::uint8_t* slice_dynptr(RunContext& run, const Dynptr& dynptr, std::uint64_t offset,
                                         std::uint8_t* buffer, std::uint64_t bytes);

}  // namespace netkit::bpf
