// A test run: programs run on a packet that is made for them, and everything that came of it is told
// (BPF_PROG_TEST_RUN of SCHED_CLS programs, bpf_prog_test_run_skb; spec redirect-and-forwarding.md 9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/run/redirect.h"

namespace netkit::bpf {

inline constexpr std::uint32_t kTestChecksumComplete = 1U << 2;  // BPF_F_TEST_SKB_CHECKSUM_COMPLETE

struct TestInput {
  std::vector<std::uint8_t> data;    // from the Ethernet header on
  std::vector<std::byte> context{};  // struct __sk_buff, or its beginning: what is missing is zero
  std::uint32_t repeat = 1;          // on the same packet, which keeps its changes; 0 counts as 1
  std::uint32_t flags = 0;           // kTestChecksumComplete
  std::uint32_t cpu = 0;             // must be 0, as for the kernel
  std::uint32_t batch_size = 0;      // must be 0
  std::uint32_t data_room = 0;       // bytes of packet that the caller takes; 0: all
  std::optional<std::uint32_t>
      context_room{};  // bytes of context that the caller takes; 0: it wants none, none: all
};

// A clone that a program sent while it ran.
struct SentClone {
  std::uint32_t ifindex = 0;
  std::uint64_t flags = 0;
  std::uint32_t length = 0;
};

// What one program of a chain did.
struct ProgramRun {
  std::string program;
  std::uint32_t retval = 0;  // R0 of the last repetition
};

struct TestOutput {
  std::vector<ProgramRun> runs;    // in order; never empty
  std::uint32_t duration = 0;      // nanoseconds of all of them, average of the repetitions
  std::vector<std::uint8_t> data;  // the packet, cut where the caller has no more room
  std::uint32_t data_size = 0;     // of the whole packet
  std::vector<std::byte> context;  // empty when the packet had no room
  bool cut = false;                // something did not fit: ENOSPC is the answer
  RedirectRecord redirect;         // what the redirect helpers have left; the kernel's test run hides it
  std::vector<SentClone> clones{};

  [[nodiscard]] std::uint32_t retval() const { return runs.back().retval; }
};

}  // namespace netkit::bpf
