// Text to instructions, in the language that the disassembler prints, for tests and data files.
//
// One instruction a line or between semicolons; "//" starts a comment. Jump targets are "pc+3", "pc-2" or a
// label
// ("again:" in front of an instruction or on a line of its own). Beyond what the disassembler prints:
//   r1 = 0x1122334455667788 ll   the wide load (also without ll when the number needs it)
//   r1 = map[0]                  map number 0 of the image; r1 = map[0]+8: address of its value, plus 8
//   r1 = function 2              function number 2 of the image
//   call 5                       a helper; call again: a function at a label
//   raw 0x8d 1 2 3 4             opcode, dst, src, off and imm as they are
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/isa/insn.h"

namespace netkit::bpf {

// EINVAL with the line number and what was expected there.
[[nodiscard]] Result<std::vector<Insn>> assemble(std::string_view text);

}  // namespace netkit::bpf
