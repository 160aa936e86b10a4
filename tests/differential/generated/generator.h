// Whole programs as real ones are: they parse packets, look up, update, redirect, call and tail-call, loop,
// spill. The kernel's verifier takes nearly all of them, by construction.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/isa/insn.h"
#include "tests/differential/random_instructions.h"

namespace netkit::differential {

struct GeneratedProgram {
  // Maps are numbers of kMaps, functions are numbers of `functions` (bpf/object/image.h).
  std::vector<bpf::Insn> insns;
  std::vector<std::uint32_t> functions;  // first instruction of each; the program itself is the first
};

[[nodiscard]] GeneratedProgram generate(Random& random, const InstructionSet& set);

}  // namespace netkit::differential
