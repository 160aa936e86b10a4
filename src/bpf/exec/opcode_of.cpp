#include "bpf/exec/opcode_of.h"

#include <bit>
#include <utility>
#include <variant>

namespace netkit::bpf {
namespace {

// The four forms of a binary operation or comparison lie together: 64K, 64X, 32K, 32X.
OpCode form(OpCode first, Width width, const Operand& source) {
  const unsigned shift = (width == Width::k64 ? 0U : 2U) + (std::holds_alternative<Reg>(source) ? 1U : 0U);
  return static_cast<OpCode>(std::to_underlying(first) + shift);
}

OpCode base_code(const Alu& alu) {
  switch (alu.op) {
    case kAdd:
      return OpCode::kAdd64K;
    case kSub:
      return OpCode::kSub64K;
    case kMul:
      return OpCode::kMul64K;
    case kDiv:
      return alu.is_signed ? OpCode::kSignedDiv64K : OpCode::kDiv64K;
    case kOr:
      return OpCode::kOr64K;
    case kAnd:
      return OpCode::kAnd64K;
    case kLsh:
      return OpCode::kLsh64K;
    case kRsh:
      return OpCode::kRsh64K;
    case kMod:
      return alu.is_signed ? OpCode::kSignedMod64K : OpCode::kMod64K;
    case kXor:
      return OpCode::kXor64K;
    case kMov:
      return OpCode::kMov64K;
    case kArsh:
      return OpCode::kArsh64K;
    case kNeg:
    case kEnd:
      break;  // forms of their own
  }
  return OpCode::kSecondSlot;
}

OpCode base_code(JmpOp op) {
  switch (op) {
    case kJeq:
      return OpCode::kJeq64K;
    case kJgt:
      return OpCode::kJgt64K;
    case kJge:
      return OpCode::kJge64K;
    case kJset:
      return OpCode::kJset64K;
    case kJne:
      return OpCode::kJne64K;
    case kJsgt:
      return OpCode::kJsgt64K;
    case kJsge:
      return OpCode::kJsge64K;
    case kJlt:
      return OpCode::kJlt64K;
    case kJle:
      return OpCode::kJle64K;
    case kJslt:
      return OpCode::kJslt64K;
    case kJsle:
      return OpCode::kJsle64K;
    case kJa:
    case kCall:
    case kExit:
    case kJcond:
      break;  // forms of their own
  }
  return OpCode::kSecondSlot;
}

OpCode by_size(InsnSize size, OpCode b, OpCode h, OpCode w, OpCode dw) {
  switch (size) {
    case kB:
      return b;
    case kH:
      return h;
    case kW:
      return w;
    case kDw:
      return dw;
  }
  return OpCode::kSecondSlot;
}

}  // namespace

OpCode opcode_of(const Alu& alu) {
  return form(base_code(alu), alu.width, alu.source);
}

OpCode opcode_of(const Negate& negate) {
  return negate.width == Width::k64 ? OpCode::kNeg64 : OpCode::kNeg32;
}

OpCode opcode_of(const ConditionalJump& jump) {
  return form(base_code(jump.op), jump.width, jump.source);
}

OpCode opcode_of(const Load& load) {
  if (load.sign_extend)
    return by_size(load.size, OpCode::kLoadSigned8, OpCode::kLoadSigned16, OpCode::kLoadSigned32,
                   OpCode::kSecondSlot);
  return by_size(load.size, OpCode::kLoad8, OpCode::kLoad16, OpCode::kLoad32, OpCode::kLoad64);
}

OpCode opcode_of(const Store& store) {
  if (std::holds_alternative<Reg>(store.source))
    return by_size(store.size, OpCode::kStore8X, OpCode::kStore16X, OpCode::kStore32X, OpCode::kStore64X);
  return by_size(store.size, OpCode::kStore8K, OpCode::kStore16K, OpCode::kStore32K, OpCode::kStore64K);
}

// The forms of an atomic lie together: 32, 64, fetching 32, fetching 64.
OpCode opcode_of(const Atomic& atomic) {
  const bool wide = atomic.size == kDw;
  const auto among = [&](OpCode first) {
    return static_cast<OpCode>(std::to_underlying(first) + (wide ? 1U : 0U) + (atomic.fetch ? 2U : 0U));
  };
  switch (atomic.op) {
    case kAtomicAdd:
      return among(OpCode::kAtomicAdd32);
    case kAtomicOr:
      return among(OpCode::kAtomicOr32);
    case kAtomicAnd:
      return among(OpCode::kAtomicAnd32);
    case kAtomicXor:
      return among(OpCode::kAtomicXor32);
    case kAtomicXchg:
      return among(OpCode::kAtomicXchg32);
    default:
      return wide ? OpCode::kCmpxchg64 : OpCode::kCmpxchg32;
  }
}

OpCode opcode_of(const MoveSignExtended& move) {
  const bool wide = move.width == Width::k64;
  switch (move.bits) {
    case 8:
      return wide ? OpCode::kMovSigned8To64 : OpCode::kMovSigned8To32;
    case 16:
      return wide ? OpCode::kMovSigned16To64 : OpCode::kMovSigned16To32;
    default:
      return OpCode::kMovSigned32To64;
  }
}

OpCode opcode_of(const SwapBytes& swap) {
  const bool is_native =
      swap.order == (std::endian::native == std::endian::little ? ByteOrder::kToLittle : ByteOrder::kToBig);
  switch (swap.bits) {
    case 16:
      return is_native ? OpCode::kTruncate16 : OpCode::kSwap16;
    case 32:
      return is_native ? OpCode::kTruncate32 : OpCode::kSwap32;
    default:
      return is_native ? OpCode::kKeep64 : OpCode::kSwap64;
  }
}

OpCode opcode_of(const LoadAcquire& load) {
  return by_size(load.size, OpCode::kLoadAcquire8, OpCode::kLoadAcquire16, OpCode::kLoadAcquire32,
                 OpCode::kLoadAcquire64);
}

OpCode opcode_of(const StoreRelease& store) {
  return by_size(store.size, OpCode::kStoreRelease8, OpCode::kStoreRelease16, OpCode::kStoreRelease32,
                 OpCode::kStoreRelease64);
}

}  // namespace netkit::bpf
