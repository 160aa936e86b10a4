// A program after relocation: instructions that name maps and functions directly, ready for an engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/isa/insn.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

class Map;

// Where an instruction came from.
struct SourceLine {
  std::uint32_t insn = 0;  // first instruction of the line
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string file;
  std::string text;
};

// A function of the image: the entry program is functions[0], the others follow it.
struct Function {
  std::string name;
  std::uint32_t first = 0;  // instruction
  std::uint32_t count = 0;  // instructions
  std::string prototype{};  // as C declares it; empty without BTF
};

// A call that ends the run: what stood there asked the kernel for something that is not here.
struct PoisonedInsn {
  std::uint32_t insn = 0;
  std::string what;  // "struct sk_buff.active_extensions", "kernel function bpf_skb_ct_lookup"
};

// ld_imm64 with src kMapFd / kMapValue holds an index into `maps` in its first imm (and the offset in the
// value in its second), src kFunction the number of a function, src kImm64 a constant. A call with src
// kCallLocal holds the distance to the callee in instructions, as in the kernel; src kCallHelper a helper's
// number; src kCallKfunc an index into `kfuncs`.
struct ProgramImage {
  std::string name;
  std::string section;
  ProgramType type = ProgramType::kSchedCls;
  AttachType expected_attach_type = AttachType::kNone;
  std::string license;
  bool gpl_compatible = false;
  std::vector<Insn> insns;
  std::vector<Function> functions;
  std::vector<SourceLine> lines;  // sorted by insn
  std::vector<std::shared_ptr<Map>> maps;
  std::vector<std::string> kfuncs;     // names of the kernel functions that are called
  std::vector<PoisonedInsn> poisoned;  // sorted by insn
  std::uint32_t core_relocations = 0;  // that were resolved, poisoned ones included

  // The line of an instruction, or null when the object has no line information.
  [[nodiscard]] const SourceLine* line_of(std::uint32_t insn) const;
  // What a poisoned call asked for; empty for other instructions.
  [[nodiscard]] std::string_view poison_at(std::uint32_t insn) const;
};

// license_is_gpl_compatible of the kernel.
[[nodiscard]] bool is_gpl_compatible(std::string_view license);

}  // namespace netkit::bpf
