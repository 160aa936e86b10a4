#include "bpf/object/core_patch.h"

#include <fmt/core.h>

#include <cstdint>
#include <limits>
#include <optional>

namespace netkit::bpf {
namespace {

constexpr std::uint8_t kSizeMask = 0x18;
constexpr Insn kPoison{.opcode = kCallImm, .dst = 0, .src = 0, .off = 0, .imm = kPoisonedCall};

std::uint32_t bytes_of(std::uint8_t opcode) {
  switch (opcode & kSizeMask) {
    case kB:
      return 1;
    case kH:
      return 2;
    case kW:
      return 4;
    default:
      return 8;
  }
}

std::optional<std::uint8_t> size_for(std::uint32_t bytes) {
  switch (bytes) {
    case 1:
      return kB;
    case 2:
      return kH;
    case 4:
      return kW;
    case 8:
      return kDw;
    default:
      return std::nullopt;
  }
}

Failure unexpected(std::string_view what, std::int64_t found, std::uint64_t wanted) {
  return fail(EINVAL,
              fmt::format("its CO-RE relocation is for {} {}, the instruction has {}; compile the file again",
                          what, static_cast<std::int64_t>(wanted), found));
}

Result<> patch_number(Insn& insn, const CoreResolution& resolution) {
  if ((insn.opcode & kX) != 0)
    return fail(EINVAL, "its CO-RE relocation needs an immediate operand; compile the file again");
  if (resolution.check && std::int64_t{insn.imm} != static_cast<std::int64_t>(resolution.local))
    return unexpected("the operand", insn.imm, resolution.local);
  insn.imm = static_cast<std::int32_t>(resolution.value);
  return {};
}

// True: poisoned.
Result<bool> patch_access(std::span<Insn> insns, const CoreResolution& resolution) {
  Insn& insn = insns.front();
  if (resolution.check && static_cast<std::uint64_t>(std::int64_t{insn.off}) != resolution.local)
    return unexpected("the offset", insn.off, resolution.local);
  if (resolution.value > static_cast<std::uint64_t>(std::numeric_limits<std::int16_t>::max()))
    return fail(
        ERANGE,
        fmt::format("the field lies at byte {}, an access reaches {} at most; read it by bpf_core_read()",
                    resolution.value, std::numeric_limits<std::int16_t>::max()));
  if (!resolution.resizable) {
    poison(insns);
    return true;
  }
  insn.off = static_cast<std::int16_t>(resolution.value);
  if (resolution.bytes == resolution.local_bytes) return false;
  if (bytes_of(insn.opcode) != resolution.local_bytes)
    return unexpected("an access of so many bytes:", bytes_of(insn.opcode), resolution.local_bytes);
  const auto size = size_for(resolution.bytes);
  if (!size)
    return fail(EINVAL,
                fmt::format("the field has {} bytes here, which no access has; read it by bpf_core_read()",
                            resolution.bytes));
  insn.opcode = static_cast<std::uint8_t>((insn.opcode & ~kSizeMask) | *size);
  return false;
}

Result<> patch_wide(std::span<Insn> insns, const CoreResolution& resolution) {
  if (insns.size() < 2 || insns[0].opcode != kLdImm64 || insns[0].src != 0 || insns[0].off != 0 ||
      insns[1].opcode != 0 || insns[1].dst != 0 || insns[1].src != 0 || insns[1].off != 0)
    return fail(EINVAL, "its CO-RE relocation needs a 64-bit constant; compile the file again");
  const std::uint64_t present = static_cast<std::uint32_t>(insns[0].imm) |
                                std::uint64_t{static_cast<std::uint32_t>(insns[1].imm)} << 32;
  if (resolution.check && present != resolution.local)
    return unexpected("the constant", static_cast<std::int64_t>(present), resolution.local);
  insns[0].imm = static_cast<std::int32_t>(resolution.value);
  insns[1].imm = static_cast<std::int32_t>(resolution.value >> 32);
  return {};
}

}  // namespace

void poison(std::span<Insn> insns) {
  if (insns.front().opcode == kLdImm64 && insns.size() > 1) insns[1] = kPoison;
  insns.front() = kPoison;
}

Result<bool> patch_core(std::span<Insn> insns, const CoreResolution& resolution) {
  if (resolution.poisoned) {
    poison(insns);
    return true;
  }
  switch (insn_class(insns.front().opcode)) {
    case kAlu:
    case kAlu64:
      TRY(patch_number(insns.front(), resolution));
      return false;
    case kLdx:
    case kSt:
    case kStx:
      return patch_access(insns, resolution);
    case kLd:
      TRY(patch_wide(insns, resolution));
      return false;
    default:
      return fail(EINVAL, "it takes no CO-RE relocation; compile the file again");
  }
}

}  // namespace netkit::bpf
