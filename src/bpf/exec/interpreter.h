// The interpreter: the reference engine. It pre-decodes a program once and checks every access while it runs.
#pragma once

#include <memory>

#include "base/result.h"
#include "bpf/object/image.h"
#include "bpf/run/context.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

// Checks the image (opcodes, jump targets, registers, helper numbers, licence rule) and prepares it. What is
// not supported is refused here by its name, with the source line: EINVAL, as the kernel's verifier says it.
// The program has no id yet (ProgramTable::publish gives it).
[[nodiscard]] Result<std::unique_ptr<Program>> prepare_interpreted(std::shared_ptr<const ProgramImage> image);

// Program::entry of every program that prepare_interpreted made.
[[nodiscard]] EntryFunction interpreter_entry();
// Program::call of them.
[[nodiscard]] FunctionEntry interpreter_call();

// Sets a context up for one run of one program on `packet` (run.cpu, redirect, outside, pool are set
// already).
void begin_run(RunContext& run, Packet& packet);

// The same for a callback outside of any run, which has neither a packet nor a context.
void begin_callback(RunContext& run);

// begin_run, the program's entry, its counters: what hooks call. Returns the verdict (R0 as int).
[[nodiscard]] std::int32_t run_program(RunContext& run, const Program& program, Packet& packet);

}  // namespace netkit::bpf
