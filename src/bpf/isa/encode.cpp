#include "bpf/isa/instruction.h"

namespace netkit::bpf {
namespace {

// An instruction before its registers are packed into half bytes.
struct Fields {
  std::uint8_t opcode = 0;
  std::uint8_t dst = 0;
  std::uint8_t src = 0;
  std::int16_t off = 0;
  std::int32_t imm = 0;

  [[nodiscard]] Insn pack() const {
    Insn insn{.opcode = opcode, .off = off, .imm = imm};
    insn.dst = dst & 0x0f;
    insn.src = src & 0x0f;
    return insn;
  }
};

std::uint8_t bits(Reg reg) {
  return static_cast<std::uint8_t>(reg);
}

constexpr std::uint8_t opcode(unsigned a, unsigned b, unsigned c = 0) {
  return static_cast<std::uint8_t>(a | b | c);
}

void set_source(Fields& fields, const Operand& source) {
  if (const auto* reg = std::get_if<Reg>(&source)) {
    fields.opcode |= kX;
    fields.src = bits(*reg);
  } else {
    fields.imm = std::get<std::int32_t>(source);
  }
}

InsnClass alu_class(Width width) {
  return width == Width::k64 ? kAlu64 : kAlu;
}

Fields make(const Alu& alu) {
  Fields fields{.opcode = opcode(alu_class(alu.width), alu.op),
                .dst = bits(alu.dst),
                .off = alu.is_signed ? std::int16_t{1} : std::int16_t{0}};
  set_source(fields, alu.source);
  return fields;
}
Fields make(const MoveSignExtended& move) {
  return {.opcode = opcode(alu_class(move.width), kMov, kX),
          .dst = bits(move.dst),
          .src = bits(move.src),
          .off = move.bits};
}
Fields make(const Negate& negate) {
  return {.opcode = opcode(alu_class(negate.width), kNeg), .dst = bits(negate.dst)};
}
Fields make(const SwapBytes& swap) {
  const std::uint8_t code = swap.order == ByteOrder::kSwap    ? opcode(kAlu64, kEnd)
                            : swap.order == ByteOrder::kToBig ? opcode(kAlu, kEnd, kX)
                                                              : opcode(kAlu, kEnd, kK);
  return {.opcode = code, .dst = bits(swap.dst), .imm = swap.bits};
}
Fields make(const Load& load) {
  return {.opcode = opcode(kLdx, load.size, load.sign_extend ? kModeMemsx : kModeMem),
          .dst = bits(load.dst),
          .src = bits(load.base),
          .off = load.off};
}
Fields make(const Store& store) {
  Fields fields{.opcode = opcode(kSt, store.size, kModeMem), .dst = bits(store.base), .off = store.off};
  if (const auto* reg = std::get_if<Reg>(&store.source)) {
    fields.opcode = opcode(kStx, store.size, kModeMem);
    fields.src = bits(*reg);
  } else {
    fields.imm = std::get<std::int32_t>(store.source);
  }
  return fields;
}
Fields make(const Atomic& atomic) {
  return {.opcode = opcode(kStx, atomic.size, kModeAtomic),
          .dst = bits(atomic.base),
          .src = bits(atomic.src),
          .off = atomic.off,
          .imm = atomic.op | (atomic.fetch ? kAtomicFetch : 0)};
}
Fields make(const LoadAcquire& load) {
  return {.opcode = opcode(kStx, load.size, kModeAtomic),
          .dst = bits(load.dst),
          .src = bits(load.base),
          .off = load.off,
          .imm = kAtomicLoadAcquire};
}
Fields make(const StoreRelease& store) {
  return {.opcode = opcode(kStx, store.size, kModeAtomic),
          .dst = bits(store.base),
          .src = bits(store.src),
          .off = store.off,
          .imm = kAtomicStoreRelease};
}
Fields make(const LegacyLoad& load) {
  return {.opcode = opcode(kLd, load.size, load.indirect ? kModeInd : kModeAbs),
          .src = load.indirect ? bits(load.index) : std::uint8_t{0},
          .imm = load.offset};
}
Fields make(const Jump& jump) {
  if (jump.is_long) return {.opcode = opcode(kJmp32, kJa), .imm = jump.distance};
  return {.opcode = opcode(kJmp, kJa), .off = static_cast<std::int16_t>(jump.distance)};
}
Fields make(const ConditionalJump& jump) {
  Fields fields{.opcode = opcode(jump.width == Width::k64 ? kJmp : kJmp32, jump.op),
                .dst = bits(jump.dst),
                .off = jump.distance};
  set_source(fields, jump.source);
  return fields;
}
Fields make(const MayGoto& jump) {
  return {.opcode = opcode(kJmp, kJcond), .off = jump.distance};
}
Fields make(const CallHelper& call) {
  return {.opcode = opcode(kJmp, kCall), .src = kCallHelper, .imm = call.number};
}
Fields make(const CallLocal& call) {
  return {.opcode = opcode(kJmp, kCall), .src = kCallLocal, .imm = call.distance};
}
Fields make(const CallKfunc& call) {
  return {.opcode = opcode(kJmp, kCall), .src = kCallKfunc, .off = call.module, .imm = call.btf_id};
}
Fields make(const Exit&) {
  return {.opcode = opcode(kJmp, kExit)};
}
Fields make(const LoadImm64& load) {
  return {.opcode = kLdImm64, .dst = bits(load.dst), .src = load.kind, .imm = load.low};
}

}  // namespace

Encoded encode(const Instruction& instruction) {
  Encoded encoded;
  encoded.slots[0] = std::visit([](const auto& form) { return make(form).pack(); }, instruction);
  if (const auto* wide = std::get_if<LoadImm64>(&instruction)) {
    encoded.slots[1].imm = wide->high;
    encoded.count = 2;
  }
  return encoded;
}

}  // namespace netkit::bpf
