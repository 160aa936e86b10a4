// Where in the source an instruction comes from, for messages.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/object/image.h"

namespace netkit::bpf {

// "nat.c:31: x = tcp->seq;", or "insn 12" without line information.
[[nodiscard]] std::string position_of(const ProgramImage& image, std::uint32_t insn);

}  // namespace netkit::bpf
