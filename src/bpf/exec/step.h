// A run watched one instruction at a time. Only runs that somebody watches pay for it: the interpreter has a
// loop of its own for them.
#pragma once

#include <array>
#include <cstdint>

#include "bpf/run/context.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

using Registers = std::array<std::uint64_t, 11>;

// What is so before an instruction is executed.
struct Step {
  const RunContext& run;  // run.program is the program that executes
  std::uint32_t insn;     // number of the instruction in it
  std::uint32_t depth;    // open frames below this one
  std::uint64_t frame_pointer;
  const Registers& registers;
};

// RunContext::observer: told of every instruction of the run, those of callbacks and of programs that are
// tail-called included.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  virtual void step(const Step& step) = 0;
  // The program, and what it tail-called, has ended, in whatever way.
  virtual void end() = 0;
};

}  // namespace netkit::bpf
