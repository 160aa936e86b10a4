// The operation of the interpreter that carries out a decoded instruction, where the instruction alone
// decides it.
#pragma once

#include "bpf/exec/operation.h"
#include "bpf/isa/instruction.h"

namespace netkit::bpf {

[[nodiscard]] OpCode opcode_of(const Alu& alu);
[[nodiscard]] OpCode opcode_of(const MoveSignExtended& move);
[[nodiscard]] OpCode opcode_of(const Negate& negate);
[[nodiscard]] OpCode opcode_of(const SwapBytes& swap);
[[nodiscard]] OpCode opcode_of(const ConditionalJump& jump);
[[nodiscard]] OpCode opcode_of(const Load& load);
[[nodiscard]] OpCode opcode_of(const Store& store);
[[nodiscard]] OpCode opcode_of(const Atomic& atomic);
[[nodiscard]] OpCode opcode_of(const LoadAcquire& load);
[[nodiscard]] OpCode opcode_of(const StoreRelease& store);

}  // namespace netkit::bpf
