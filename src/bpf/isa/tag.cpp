#include "bpf/isa/tag.h"

#include <algorithm>
#include <vector>

#include "bpf/isa/sha256.h"

namespace netkit::bpf {

ProgramTag program_tag(std::span<const Insn> insns) {
  std::vector<Insn> code(insns.begin(), insns.end());
  for (std::size_t at = 0; at + 1 < code.size(); ++at) {
    const bool names_map =
        code[at].opcode == kLdImm64 && (code[at].src == kMapFd || code[at].src == kMapValue);
    if (names_map) code[at].imm = code[at + 1].imm = 0;
  }
  const auto digest = sha256(std::as_bytes(std::span(code)));
  ProgramTag tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace netkit::bpf
