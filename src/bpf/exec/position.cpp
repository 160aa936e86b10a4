#include "bpf/exec/position.h"

#include <fmt/format.h>

namespace netkit::bpf {

std::string position_of(const ProgramImage& image, std::uint32_t insn) {
  const SourceLine* line = image.line_of(insn);
  if (line == nullptr) return fmt::format("insn {}", insn);
  std::string text = fmt::format("{}:{}", line->file, line->line);
  const std::size_t first = line->text.find_first_not_of(" \t");
  if (first != std::string::npos) text += ": " + line->text.substr(first);
  return text;
}

}  // namespace netkit::bpf
