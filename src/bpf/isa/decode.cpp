#include <fmt/format.h>

#include "bpf/isa/instruction.h"

namespace netkit::bpf {
namespace {

constexpr std::uint8_t kRegisters = 11;

Failure refuse(std::string text) {
  return fail(EINVAL, std::move(text));
}
Failure reserved(std::string_view what) {
  return refuse(fmt::format("{} uses reserved fields", what));
}
Failure unknown_opcode(std::uint8_t opcode) {
  return refuse(fmt::format("unknown opcode {:02x}", opcode));
}

// The parts of an opcode, by class.
InsnSize size_bits(std::uint8_t opcode) {
  return static_cast<InsnSize>(opcode & 0x18);
}
std::uint8_t mode_bits(std::uint8_t opcode) {
  return opcode & 0xe0;
}
std::uint8_t operation_bits(std::uint8_t opcode) {
  return opcode & 0xf0;
}
bool has_register_source(std::uint8_t opcode) {
  return (opcode & kX) != 0;
}

Result<Reg> readable(std::uint8_t number) {
  if (number >= kRegisters) return refuse(fmt::format("R{} is invalid", number));
  return static_cast<Reg>(number);
}

Result<Reg> writable(std::uint8_t number) {
  const Reg reg = TRY(readable(number));
  if (reg == kFramePointer) return refuse("frame pointer is read only");
  return reg;
}

Result<Operand> operand(const Insn& insn) {
  if (has_register_source(insn.opcode)) return Operand{TRY(readable(insn.src))};
  return Operand{insn.imm};
}

// The field that the other kind of second operand would use must be zero.
bool operand_fields_clean(const Insn& insn) {
  return has_register_source(insn.opcode) ? insn.imm == 0 : insn.src == 0;
}

Result<Instruction> decode_negate(const Insn& insn, Width width) {
  if (has_register_source(insn.opcode) || insn.src != 0 || insn.off != 0 || insn.imm != 0)
    return reserved("BPF_NEG");
  return Negate{width, TRY(writable(insn.dst))};
}

Result<Instruction> decode_swap(const Insn& insn, Width width) {
  const bool unconditional = width == Width::k64;
  const bool good_bits = insn.imm == 16 || insn.imm == 32 || insn.imm == 64;
  if (insn.src != 0 || insn.off != 0 || !good_bits) return reserved("BPF_END");
  if (unconditional && has_register_source(insn.opcode)) return reserved("BPF_END");
  const ByteOrder order = unconditional                      ? ByteOrder::kSwap
                          : has_register_source(insn.opcode) ? ByteOrder::kToBig
                                                             : ByteOrder::kToLittle;
  return SwapBytes{order, static_cast<std::uint8_t>(insn.imm), TRY(writable(insn.dst))};
}

Result<Instruction> decode_move(const Insn& insn, Width width) {
  if (!operand_fields_clean(insn)) return reserved("BPF_MOV");
  const Reg dst = TRY(writable(insn.dst));
  if (insn.off == 0) return Alu{kMov, width, false, dst, TRY(operand(insn))};
  const bool extends = insn.off == 8 || insn.off == 16 || (insn.off == 32 && width == Width::k64);
  if (!has_register_source(insn.opcode) || !extends) return reserved("BPF_MOV");
  return MoveSignExtended{width, static_cast<std::uint8_t>(insn.off), dst, TRY(readable(insn.src))};
}

Result<Instruction> decode_alu(const Insn& insn) {
  const Width width = insn_class(insn.opcode) == kAlu64 ? Width::k64 : Width::k32;
  const std::uint8_t operation = operation_bits(insn.opcode);
  if (operation == kNeg) return decode_negate(insn, width);
  if (operation == kEnd) return decode_swap(insn, width);
  if (operation == kMov) {
    const bool cast = width == Width::k64 && has_register_source(insn.opcode) && insn.off == 1;
    if (cast) return refuse("address-space casts (addr_space_cast) are not supported");
    return decode_move(insn, width);
  }
  if (operation > kEnd) return unknown_opcode(insn.opcode);

  const bool divides = operation == kDiv || operation == kMod;
  const bool is_signed = insn.off == 1;
  if (!operand_fields_clean(insn) || (insn.off != 0 && !(is_signed && divides))) return reserved("BPF_ALU");
  const Reg dst = TRY(writable(insn.dst));
  return Alu{static_cast<AluOp>(operation), width, is_signed, dst, TRY(operand(insn))};
}

Result<Instruction> decode_call(const Insn& insn) {
  if (has_register_source(insn.opcode)) return refuse("indirect calls (callx) are not supported");
  if (insn.dst != 0 || insn.src > kCallKfunc || (insn.src != kCallKfunc && insn.off != 0))
    return reserved("BPF_CALL");
  switch (static_cast<PseudoCall>(insn.src)) {
    case kCallHelper:
      return CallHelper{insn.imm};
    case kCallLocal:
      return CallLocal{insn.imm};
    case kCallKfunc:
      return CallKfunc{insn.imm, insn.off};
  }
  return reserved("BPF_CALL");
}

Result<Instruction> decode_jump(const Insn& insn) {
  const bool narrow = insn_class(insn.opcode) == kJmp32;
  const std::uint8_t operation = operation_bits(insn.opcode);
  const bool has_source = has_register_source(insn.opcode);
  const bool no_registers = insn.dst == 0 && insn.src == 0;
  switch (operation) {
    case kJa:
      if (has_source || !no_registers || (narrow ? insn.off != 0 : insn.imm != 0)) return reserved("BPF_JA");
      return Jump{narrow ? insn.imm : insn.off, narrow};
    case kCall:
      return narrow ? unknown_opcode(insn.opcode) : decode_call(insn);
    case kExit:
      if (narrow) return unknown_opcode(insn.opcode);
      if (has_source || !no_registers || insn.off != 0 || insn.imm != 0) return reserved("BPF_EXIT");
      return Exit{};
    case kJcond:
      if (narrow || has_source) return unknown_opcode(insn.opcode);
      if (!no_registers || insn.imm != 0) return reserved("BPF_JCOND");
      return MayGoto{insn.off};
    case 0xf0:
      return unknown_opcode(insn.opcode);
    default:
      break;
  }
  if (!operand_fields_clean(insn)) return reserved(narrow ? "BPF_JMP32" : "BPF_JMP");
  const Reg dst = TRY(readable(insn.dst));
  return ConditionalJump{static_cast<JmpOp>(operation), narrow ? Width::k32 : Width::k64, dst,
                         TRY(operand(insn)), insn.off};
}

Result<Instruction> decode_load(const Insn& insn) {
  const std::uint8_t mode = mode_bits(insn.opcode);
  const InsnSize size = size_bits(insn.opcode);
  const bool sign_extend = mode == kModeMemsx;
  if (mode != kModeMem && !(sign_extend && size != kDw)) return unknown_opcode(insn.opcode);
  if (insn.imm != 0) return reserved("BPF_LDX");
  const Reg base = TRY(readable(insn.src));
  return Load{size, sign_extend, TRY(writable(insn.dst)), base, insn.off};
}

Result<Instruction> decode_atomic(const Insn& insn) {
  const InsnSize size = size_bits(insn.opcode);
  const Reg base = TRY(readable(insn.imm == kAtomicLoadAcquire ? insn.src : insn.dst));
  if (insn.imm == kAtomicLoadAcquire) return LoadAcquire{size, TRY(writable(insn.dst)), base, insn.off};
  if (insn.imm == kAtomicStoreRelease) return StoreRelease{size, base, insn.off, TRY(readable(insn.src))};

  switch (insn.imm & ~kAtomicFetch) {
    case kAtomicAdd:
    case kAtomicOr:
    case kAtomicAnd:
    case kAtomicXor:
    case kAtomicXchg & ~kAtomicFetch:
    case kAtomicCmpxchg & ~kAtomicFetch:
      break;
    default:
      return refuse(fmt::format("BPF_ATOMIC uses invalid atomic opcode {:02x}", insn.imm));
  }
  const bool fetch = (insn.imm & kAtomicFetch) != 0;
  const std::int32_t plain = insn.imm & ~kAtomicFetch;
  const bool exchanges = plain == (kAtomicXchg & ~kAtomicFetch) || plain == (kAtomicCmpxchg & ~kAtomicFetch);
  if (exchanges && !fetch)
    return refuse(fmt::format("BPF_ATOMIC uses invalid atomic opcode {:02x}", insn.imm));
  if (size != kW && size != kDw) return unknown_opcode(insn.opcode);
  const bool writes_src = fetch && insn.imm != kAtomicCmpxchg;
  const Reg src = TRY(writes_src ? writable(insn.src) : readable(insn.src));
  return Atomic{exchanges ? insn.imm : plain, fetch, size, base, insn.off, src};
}

Result<Instruction> decode_store(const Insn& insn) {
  const bool from_register = insn_class(insn.opcode) == kStx;
  const std::uint8_t mode = mode_bits(insn.opcode);
  if (from_register && mode == kModeAtomic) return decode_atomic(insn);
  if (mode != kModeMem) return unknown_opcode(insn.opcode);
  if (from_register ? insn.imm != 0 : insn.src != 0) return reserved(from_register ? "BPF_STX" : "BPF_ST");
  const Reg base = TRY(readable(insn.dst));
  const Operand source = from_register ? Operand{TRY(readable(insn.src))} : Operand{insn.imm};
  return Store{size_bits(insn.opcode), base, insn.off, source};
}

Result<Instruction> decode_imm64(std::span<const Insn> code) {
  const Insn& insn = code[0];
  if (code.size() < 2) return refuse("invalid bpf_ld_imm64 insn");
  const Insn& second = code[1];
  if (second.opcode != 0 || second.dst != 0 || second.src != 0 || second.off != 0)
    return refuse("invalid bpf_ld_imm64 insn");
  if (insn.off != 0 || insn.src > kMapIndexValue) return refuse("unrecognized bpf_ld_imm64 insn");
  return LoadImm64{static_cast<PseudoLoad>(insn.src), TRY(writable(insn.dst)), insn.imm, second.imm};
}

Result<Instruction> decode_legacy_load(const Insn& insn) {
  const bool indirect = mode_bits(insn.opcode) == kModeInd;
  const InsnSize size = size_bits(insn.opcode);
  if (size == kDw) return unknown_opcode(insn.opcode);
  if (insn.dst != 0 || insn.off != 0 || (!indirect && insn.src != 0)) return reserved("BPF_LD_[ABS|IND]");
  return LegacyLoad{size, indirect, TRY(readable(insn.src)), insn.imm};
}

Result<Instruction> decode_ld(std::span<const Insn> code) {
  const std::uint8_t opcode = code[0].opcode;
  if (opcode == kLdImm64) return decode_imm64(code);
  const std::uint8_t mode = mode_bits(opcode);
  if (mode == kModeAbs || mode == kModeInd) return decode_legacy_load(code[0]);
  return unknown_opcode(opcode);
}

}  // namespace

Result<Instruction> decode(std::span<const Insn> code) {
  const Insn& insn = code[0];
  switch (static_cast<InsnClass>(insn_class(insn.opcode))) {
    case kLd:
      return decode_ld(code);
    case kLdx:
      return decode_load(insn);
    case kSt:
    case kStx:
      return decode_store(insn);
    case kAlu:
    case kAlu64:
      return decode_alu(insn);
    case kJmp:
    case kJmp32:
      return decode_jump(insn);
  }
  return unknown_opcode(insn.opcode);
}

}  // namespace netkit::bpf
