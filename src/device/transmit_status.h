// What a transmission answers its caller.
#pragma once

#include <cerrno>
#include <cstdint>

namespace netkit::device {

// NET_XMIT_*, or the one errno that the generic layer itself gives.
enum class TransmitStatus : std::int32_t { kSuccess = 0, kDrop = 1, kCongestion = 2, kNetDown = -ENETDOWN };

// For a batch: the status of the last packet that did not go through.
[[nodiscard]] constexpr TransmitStatus merge(TransmitStatus so_far, TransmitStatus next) {
  return next == TransmitStatus::kSuccess ? so_far : next;
}

}  // namespace netkit::device
