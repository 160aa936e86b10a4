// What an instruction is about to touch and to call, as far as that is known before it is executed.
#pragma once

#include "bpf/exec/step.h"
#include "bpf/isa/instruction.h"
#include "bpf/trace/record.h"
#include "bpf/trace/value_names.h"

namespace netkit::bpf {

// The instruction with its names: "(85) call bpf_redirect#23", "(18) r1 = map[counts]".
[[nodiscard]] std::string traced_disasm(const Step& step, const Instruction& instruction);

// Accesses and calls. What a load reads and a call returns is not known yet.
void add_effects(const Step& step, const Instruction& instruction, const ValueNames& names,
                 TraceRecord& record);

// The register that holds what a load has read, if the instruction is one.
[[nodiscard]] std::optional<Reg> loaded_register(const Instruction& instruction);

// Whether the call returns something.
[[nodiscard]] bool returns_value(const Step& step, const Instruction& instruction);

// Whether the call is a lookup, and under which name its value is to be remembered: "counts[00000000]".
[[nodiscard]] std::string looked_up(const Step& step, const Instruction& instruction);

}  // namespace netkit::bpf
