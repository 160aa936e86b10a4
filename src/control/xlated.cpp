#include "control/xlated.h"

#include "bpf/map/map.h"
#include "bpf/object/image.h"

namespace netkit::control {

std::vector<bpf::Insn> xlated_insns(const bpf::ProgramImage& image) {
  std::vector<bpf::Insn> insns = image.insns;
  for (std::size_t at = 0; at < insns.size(); ++at) {
    bpf::Insn& insn = insns[at];
    if (insn.opcode != bpf::kLdImm64) continue;
    const auto number = static_cast<std::size_t>(insn.imm);
    if (insn.src == bpf::kMapFd || insn.src == bpf::kMapValue) {
      insn.imm = static_cast<std::int32_t>(image.maps[number]->id());
    } else if (insn.src == bpf::kFunction) {
      insn.imm = static_cast<std::int32_t>(image.functions[number].first) - static_cast<std::int32_t>(at) - 1;
    }
    ++at;
  }
  return insns;
}

}  // namespace netkit::control
