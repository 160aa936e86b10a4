// Writes the answer of a CO-RE relocation into its instruction (bpf_core_patch_insn of libbpf).
#pragma once

#include <span>

#include "base/result.h"
#include "bpf/isa/insn.h"
#include "bpf/object/core_value.h"

namespace netkit::bpf {

// Turns the instruction at the front of `insns`, both halves of a wide one, into a call that ends the run
// when it is reached.
void poison(std::span<Insn> insns);

// `insns` begins with the instruction and has all that follow it in its function. True: it was poisoned, as
// the kernel has no answer or the field has another size that the instruction cannot take. EINVAL: an
// instruction that takes no relocation, or does not say what the object's own types say; ERANGE: the value
// does not fit.
[[nodiscard]] Result<bool> patch_core(std::span<Insn> insns, const CoreResolution& resolution);

}  // namespace netkit::bpf
