#include "bpf/object/image.h"

#include <algorithm>

namespace netkit::bpf {

const SourceLine* ProgramImage::line_of(std::uint32_t insn) const {
  const auto after = std::ranges::upper_bound(lines, insn, {}, &SourceLine::insn);
  return after == lines.begin() ? nullptr : &*std::prev(after);
}

}  // namespace netkit::bpf
