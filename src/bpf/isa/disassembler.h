// Instructions as text, in the words of `bpftool prog dump xlated` (kernel/bpf/disasm.c).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "bpf/isa/instruction.h"

namespace netkit::bpf {

// Names that the instruction itself does not hold; absent functions print numbers, as bpftool without BTF.
struct Naming {
  std::function<std::string(std::uint32_t number)> helper;   // "map_lookup_elem", or empty
  std::function<std::string(const LoadImm64& load)> pseudo;  // "map[id:5]", "subprog[+3]", or empty
  std::function<std::string(std::int32_t btf_id)> kfunc;
};

// "r1 = *(u32 *)(r2 +8)", without the opcode in front.
[[nodiscard]] std::string disassemble(const Instruction& instruction, const Naming& naming = {});

// The whole program, a line for each instruction: "   3: (61) r1 = *(u32 *)(r2 +8)". What does not decode is
// printed as its bytes with the reason.
[[nodiscard]] std::string disassemble_program(std::span<const Insn> insns, const Naming& naming = {});

}  // namespace netkit::bpf
