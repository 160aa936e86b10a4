#include "host/tap_reader.h"

#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace netkit::host {
namespace {

constexpr std::uint32_t room_of(SizeClass size_class) {
  return kBufferBytes[static_cast<std::size_t>(size_class)] - kMinHeadroom;
}
constexpr std::uint32_t kSmall = room_of(SizeClass::kFrame);
constexpr std::uint32_t kLarge = room_of(SizeClass::kSuper);
static_assert(kLarge >= 65536 + kEthernetHeader + 4, "the longest frame that a TAP yields, with a VLAN tag");

}  // namespace

TapReader::Outcome TapReader::read(PacketPtr& frame, VnetHeader& header) {
  if (small_ == nullptr) small_ = pool_.allocate(kSmall);
  if (large_ == nullptr) large_ = pool_.allocate(kLarge);
  std::uint8_t overflow = 0;
  const std::array<iovec, 3> parts{{
      {&header, sizeof header},
      small_ != nullptr ? iovec{small_->data(), kSmall} : iovec{&overflow, sizeof overflow},
      large_ != nullptr ? iovec{large_->data() + kSmall, kLarge - kSmall} : iovec{&overflow, sizeof overflow},
  }};
  ssize_t size = 0;
  do {
    size = ::readv(fd_, parts.data(), static_cast<int>(parts.size()));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EBADFD ? Outcome::kGone : Outcome::kNothing;
  if (size < static_cast<ssize_t>(sizeof header + kEthernetHeader)) return Outcome::kTooShort;
  return take(static_cast<std::uint32_t>(size) - std::uint32_t{sizeof header}, frame);
}

TapReader::Outcome TapReader::take(std::uint32_t size, PacketPtr& frame) {
  if (small_ == nullptr) return Outcome::kNoMemory;
  if (size <= kSmall) {
    small_->reset_bytes(kMinHeadroom, size);
    frame = std::move(small_);
    return Outcome::kFrame;
  }
  if (large_ == nullptr) return Outcome::kNoMemory;
  std::memcpy(large_->data(), small_->data(), kSmall);
  large_->reset_bytes(kMinHeadroom, size);
  frame = std::move(large_);
  return Outcome::kFrame;
}

}  // namespace netkit::host
