#include "bpf/isa/disassembler.h"

#include <fmt/format.h>

namespace netkit::bpf {
namespace {

std::string reg_text(Reg reg, Width width = Width::k64) {
  return fmt::format("{}{}", width == Width::k64 ? 'r' : 'w', number_of(reg));
}

std::string source_text(const Operand& source, Width width) {
  if (const auto* reg = std::get_if<Reg>(&source)) return reg_text(*reg, width);
  return fmt::format("{}", std::get<std::int32_t>(source));
}

std::string_view unsigned_type(InsnSize size) {
  switch (size) {
    case kB:
      return "u8";
    case kH:
      return "u16";
    case kW:
      return "u32";
    case kDw:
      return "u64";
  }
  return "";
}

std::string_view signed_type(InsnSize size) {
  switch (size) {
    case kB:
      return "s8";
    case kH:
      return "s16";
    case kW:
      return "s32";
    case kDw:
      return "s64";
  }
  return "";
}

std::string memory_text(std::string_view type, Reg base, std::int16_t off) {
  return fmt::format("({} *)({} {:+d})", type, reg_text(base), off);
}

std::string_view alu_sign(const Alu& alu) {
  switch (alu.op) {
    case kAdd:
      return "+=";
    case kSub:
      return "-=";
    case kMul:
      return "*=";
    case kDiv:
      return alu.is_signed ? "s/=" : "/=";
    case kOr:
      return "|=";
    case kAnd:
      return "&=";
    case kLsh:
      return "<<=";
    case kRsh:
      return ">>=";
    case kMod:
      return alu.is_signed ? "s%=" : "%=";
    case kXor:
      return "^=";
    case kMov:
      return "=";
    case kArsh:
      return "s>>=";
    case kNeg:
    case kEnd:
      break;  // forms of their own
  }
  return "?";
}

std::string_view jump_sign(JmpOp op) {
  switch (op) {
    case kJeq:
      return "==";
    case kJgt:
      return ">";
    case kJge:
      return ">=";
    case kJset:
      return "&";
    case kJne:
      return "!=";
    case kJsgt:
      return "s>";
    case kJsge:
      return "s>=";
    case kJlt:
      return "<";
    case kJle:
      return "<=";
    case kJslt:
      return "s<";
    case kJsle:
      return "s<=";
    case kJa:
    case kCall:
    case kExit:
    case kJcond:
      break;  // forms of their own
  }
  return "?";
}

std::string_view atomic_sign(std::int32_t op) {
  switch (op) {
    case kAtomicAdd:
      return "+=";
    case kAtomicOr:
      return "|=";
    case kAtomicAnd:
      return "&=";
    default:
      return "^=";
  }
}

std::string_view atomic_name(std::int32_t op) {
  switch (op) {
    case kAtomicAdd:
      return "add";
    case kAtomicOr:
      return "or";
    case kAtomicAnd:
      return "and";
    default:
      return "xor";
  }
}

std::string text_of(const Alu& alu, const Naming&) {
  return fmt::format("{} {} {}", reg_text(alu.dst, alu.width), alu_sign(alu),
                     source_text(alu.source, alu.width));
}
std::string text_of(const MoveSignExtended& move, const Naming&) {
  return fmt::format("{} = (s{}){}", reg_text(move.dst, move.width), move.bits,
                     reg_text(move.src, move.width));
}
std::string text_of(const Negate& negate, const Naming&) {
  return fmt::format("{0} = -{0}", reg_text(negate.dst, negate.width));
}
std::string text_of(const SwapBytes& swap, const Naming&) {
  const std::string_view name = swap.order == ByteOrder::kSwap    ? "bswap"
                                : swap.order == ByteOrder::kToBig ? "be"
                                                                  : "le";
  return fmt::format("{0} = {1}{2} {0}", reg_text(swap.dst), name, swap.bits);
}
std::string text_of(const LoadImm64& load, const Naming& naming) {
  std::string value = naming.pseudo && load.kind != kImm64 ? naming.pseudo(load) : std::string{};
  if (value.empty()) value = fmt::format("{:#x}", load.value());
  return fmt::format("{} = {}", reg_text(load.dst), value);
}
std::string text_of(const Load& load, const Naming&) {
  const std::string_view type = load.sign_extend ? signed_type(load.size) : unsigned_type(load.size);
  return fmt::format("{} = *{}", reg_text(load.dst), memory_text(type, load.base, load.off));
}
std::string text_of(const Store& store, const Naming&) {
  return fmt::format("*{} = {}", memory_text(unsigned_type(store.size), store.base, store.off),
                     source_text(store.source, Width::k64));
}
std::string text_of(const Atomic& atomic, const Naming&) {
  const std::string memory = memory_text(unsigned_type(atomic.size), atomic.base, atomic.off);
  const Width width = atomic.size == kDw ? Width::k64 : Width::k32;
  const std::string_view bits = atomic.size == kDw ? "64" : "";
  const std::string src = reg_text(atomic.src, width);
  if (atomic.op == kAtomicCmpxchg) {
    const std::string r0 = reg_text(Reg::r0, width);
    return fmt::format("{0} = atomic{1}_cmpxchg({2}, {0}, {3})", r0, bits, memory, src);
  }
  if (atomic.op == kAtomicXchg) return fmt::format("{0} = atomic{1}_xchg({2}, {0})", src, bits, memory);
  if (atomic.fetch)
    return fmt::format("{0} = atomic{1}_fetch_{2}({3}, {0})", src, bits, atomic_name(atomic.op), memory);
  return fmt::format("lock *{} {} {}", memory, atomic_sign(atomic.op), src);
}
std::string text_of(const LoadAcquire& load, const Naming&) {
  return fmt::format("{} = load_acquire({})", reg_text(load.dst),
                     memory_text(unsigned_type(load.size), load.base, load.off));
}
std::string text_of(const StoreRelease& store, const Naming&) {
  return fmt::format("store_release({}, {})", memory_text(unsigned_type(store.size), store.base, store.off),
                     reg_text(store.src));
}
std::string text_of(const LegacyLoad& load, const Naming&) {
  if (load.indirect)
    return fmt::format("r0 = *({} *)skb[{} + {}]", unsigned_type(load.size), reg_text(load.index),
                       load.offset);
  return fmt::format("r0 = *({} *)skb[{}]", unsigned_type(load.size), load.offset);
}
std::string text_of(const Jump& jump, const Naming&) {
  return fmt::format("{} pc{:+d}", jump.is_long ? "gotol" : "goto", jump.distance);
}
std::string text_of(const ConditionalJump& jump, const Naming&) {
  const auto* constant = std::get_if<std::int32_t>(&jump.source);
  const std::string source = constant != nullptr ? fmt::format("{:#x}", static_cast<std::uint32_t>(*constant))
                                                 : source_text(jump.source, jump.width);
  return fmt::format("if {} {} {} goto pc{:+d}", reg_text(jump.dst, jump.width), jump_sign(jump.op), source,
                     jump.distance);
}
std::string text_of(const MayGoto& jump, const Naming&) {
  return fmt::format("may_goto pc{:+d}", jump.distance);
}
std::string text_of(const CallHelper& call, const Naming& naming) {
  const auto number = static_cast<std::uint32_t>(call.number);
  const std::string name = naming.helper ? naming.helper(number) : std::string{};
  return fmt::format("call {}#{}", name.empty() ? "unknown" : "bpf_" + name, call.number);
}
std::string text_of(const CallLocal& call, const Naming&) {
  return fmt::format("call pc{:+d}", call.distance);
}
std::string text_of(const CallKfunc& call, const Naming& naming) {
  const std::string name = naming.kfunc ? naming.kfunc(call.btf_id) : std::string{};
  return fmt::format("call {}#{}", name.empty() ? "kernel-function" : name, call.btf_id);
}
std::string text_of(const Exit&, const Naming&) {
  return "exit";
}

std::string bytes_text(const Insn& insn) {
  return fmt::format("opcode {:#04x} dst {} src {} off {} imm {}", insn.opcode, unsigned{insn.dst},
                     unsigned{insn.src}, insn.off, insn.imm);
}

}  // namespace

std::string disassemble(const Instruction& instruction, const Naming& naming) {
  return std::visit([&](const auto& form) { return text_of(form, naming); }, instruction);
}

std::string disassemble_program(std::span<const Insn> insns, const Naming& naming) {
  std::string text;
  for (std::size_t at = 0; at < insns.size();) {
    const Insn& insn = insns[at];
    const Result<Instruction> decoded = decode(insns.subspan(at));
    text += fmt::format("{:4}: ({:02x}) {}\n", at, insn.opcode,
                        decoded ? disassemble(*decoded, naming)
                                : fmt::format("{}: {}", bytes_text(insn), decoded.error().text));
    at += decoded && is_wide(insn) ? 2 : 1;
  }
  return text;
}

}  // namespace netkit::bpf
