// The instructions of a program as people read them: what `bpftool prog dump xlated` prints.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/isa/insn.h"
#include "bpf/object/image.h"
#include "control/client.h"

namespace netkit::control {

// One instruction.
struct XlatedInsn {
  std::uint32_t at = 0;            // its number
  std::vector<bpf::Insn> slots{};  // one, two for a 64-bit load
  std::string disasm{};            // "(b7) r0 = 0"
  std::string proto{};             // of the function that begins here, as C declares it; else empty
  // The source line that begins here; `src` is empty where none does.
  std::string src{};
  std::string file{};
  std::uint32_t line_num = 0;
  std::uint32_t line_col = 0;
};

[[nodiscard]] std::vector<XlatedInsn> dump_xlated(const bpf::ProgramImage& image);
// EBADF, EINVAL: not a program; EPERM: no capability.
[[nodiscard]] Result<std::vector<XlatedInsn>> dump_xlated(Client& client, int prog_fd);

struct DumpStyle {
  bool opcodes = false;
  bool linum = false;
};
// The lines that bpftool prints, each with its newline.
[[nodiscard]] std::string to_text(std::span<const XlatedInsn> insns, const DumpStyle& style = {});

}  // namespace netkit::control
