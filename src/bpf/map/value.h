// Values as they lie in a region. They are touched by any thread at any time: always through shared_load,
// shared_store and the copies of bpf/run/memory_access.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/run/memory_access.h"

namespace netkit::bpf {

// What a value occupies: the kernel pads values to 8 bytes, and so do we.
[[nodiscard]] constexpr std::uint64_t round_up_8(std::uint64_t bytes) {
  return (bytes + 7) & ~std::uint64_t{7};
}

// `value` is aligned to 8 bytes, `bytes` a multiple of 8.
inline void clear_value(void* value, std::size_t bytes) {
  auto* words = static_cast<std::uint64_t*>(value);
  for (std::size_t i = 0; i < bytes / 8; ++i) shared_store<std::uint64_t>(&words[i], 0);
}

}  // namespace netkit::bpf
