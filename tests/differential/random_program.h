// Random programs of arithmetic, jumps, stack memory and atomics that the kernel's verifier accepts.
//
// A program takes its state from the packet and puts it back there: R0 to R9 and eight words of stack, so
// that one program computes on any number of states and nothing in it is known before it runs.
#pragma once

#include <cstddef>
#include <vector>

#include "bpf/isa/insn.h"
#include "tests/differential/random_instructions.h"

namespace netkit::differential {

inline constexpr std::size_t kStateWords = 10 + 8;  // R0 to R9, then R10 - 64 upwards
inline constexpr std::size_t kStateAt = 14;  // where they lie in the packet: behind the Ethernet header

// `length` instructions between the two that load and store the state.
[[nodiscard]] std::vector<bpf::Insn> random_program(Random& random, const InstructionSet& set,
                                                    std::size_t length);

}  // namespace netkit::differential
