// Counts what a test program takes from the heap, to show that a path does not. Link allocation_counter.cpp.
#pragma once

#include <cstdint>

namespace netkit::testing {

// Calls of operator new in this process so far, by all threads.
[[nodiscard]] std::uint64_t allocations();

}  // namespace netkit::testing
