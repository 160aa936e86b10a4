// Counts what a test program takes from the heap, to show that a path does not. Link allocation_counter.cpp.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>

// ThreadSanitizer brings an operator new of its own that cannot be replaced: nothing is counted then.
#ifdef NETKIT_TSAN
#define NETKIT_COUNTS_ALLOCATIONS 0
#else
#define NETKIT_COUNTS_ALLOCATIONS 1
#endif

namespace netkit::testing {

// Calls of operator new in this process so far, by all threads.
[[nodiscard]] std::uint64_t allocations();

}  // namespace netkit::testing

// At the start of a test that counts.
#define NETKIT_NEEDS_ALLOCATION_COUNT()         \
  if constexpr (NETKIT_COUNTS_ALLOCATIONS == 0) \
  GTEST_SKIP() << "ThreadSanitizer does not let operator new be counted"
