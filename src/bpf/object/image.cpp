#include "bpf/object/image.h"

#include <algorithm>
#include <array>

namespace netkit::bpf {

const SourceLine* ProgramImage::line_of(std::uint32_t insn) const {
  const auto after = std::ranges::upper_bound(lines, insn, {}, &SourceLine::insn);
  return after == lines.begin() ? nullptr : &*std::prev(after);
}

std::string_view ProgramImage::poison_at(std::uint32_t insn) const {
  const auto found = std::ranges::lower_bound(poisoned, insn, {}, &PoisonedInsn::insn);
  return found == poisoned.end() || found->insn != insn ? std::string_view{} : found->what;
}

bool is_gpl_compatible(std::string_view license) {
  constexpr std::array<std::string_view, 6> kCompatible = {
      "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
  return std::ranges::find(kCompatible, license) != kCompatible.end();
}

}  // namespace netkit::bpf
