#include "device/backlog.h"

#include <bit>

namespace netkit::device {

Backlog::Backlog(std::size_t limit) : limit_(limit), mask_(std::bit_ceil(limit + 1) - 1), ring_(mask_ + 1) {}

}  // namespace netkit::device
