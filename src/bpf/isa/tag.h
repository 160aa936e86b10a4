// The tag of a program: how `bpftool prog show` identifies what was loaded.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "bpf/isa/insn.h"

namespace netkit::bpf {

using ProgramTag = std::array<std::uint8_t, 8>;

// The first eight bytes of the SHA-256 of the instructions as they were loaded, with the immediates of map
// references zeroed (bpf_prog_calc_tag; kernels before 6.18 use SHA-1).
[[nodiscard]] ProgramTag program_tag(std::span<const Insn> insns);

}  // namespace netkit::bpf
