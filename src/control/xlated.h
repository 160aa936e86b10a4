// The instructions of a loaded program as the kernel shows them (bpf_insn_prepare_dump).
#pragma once

#include <vector>

#include "bpf/isa/insn.h"
#include "bpf/run/program.h"

namespace netkit::control {

// Maps are named by id, functions by their distance.
[[nodiscard]] std::vector<bpf::Insn> xlated_insns(const bpf::ProgramImage& image);

}  // namespace netkit::control
