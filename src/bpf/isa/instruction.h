// Instructions in typed form: what decoding makes of the eight bytes. Prepared programs, the disassembler,
// the verifier and the compiler all start from here, so that no other part looks into an opcode.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <variant>

#include "base/result.h"
#include "bpf/isa/insn.h"

namespace netkit::bpf {

enum class Reg : std::uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

inline constexpr Reg kFramePointer = Reg::r10;

[[nodiscard]] constexpr std::size_t number_of(Reg reg) {
  return static_cast<std::size_t>(reg);
}

enum class Width : std::uint8_t { k32, k64 };

// Second operand: a register, or a constant that is sign-extended to the width of the operation.
using Operand = std::variant<Reg, std::int32_t>;

// dst = dst op source; kMov: dst = source. Signed: division and modulo only.
struct Alu {
  AluOp op;
  Width width;
  bool is_signed = false;
  Reg dst;
  Operand source;
};

// dst = the low `bits` (8, 16, 32) of src, sign-extended to the width.
struct MoveSignExtended {
  Width width;
  std::uint8_t bits;
  Reg dst;
  Reg src;
};

struct Negate {
  Width width;
  Reg dst;
};

enum class ByteOrder : std::uint8_t { kToLittle, kToBig, kSwap };

// Converts the low `bits` (16, 32, 64) of dst and zeroes the rest.
struct SwapBytes {
  ByteOrder order;
  std::uint8_t bits;
  Reg dst;
};

// dst = 64-bit value, in two instruction slots; what the two immediates mean depends on the kind.
struct LoadImm64 {
  PseudoLoad kind;
  Reg dst;
  std::int32_t low;
  std::int32_t high;

  [[nodiscard]] std::uint64_t value() const {
    return (std::uint64_t{static_cast<std::uint32_t>(high)} << 32) | static_cast<std::uint32_t>(low);
  }
};

// dst = *(base + off)
struct Load {
  InsnSize size;
  bool sign_extend;
  Reg dst;
  Reg base;
  std::int16_t off;
};

// *(base + off) = source
struct Store {
  InsnSize size;
  Reg base;
  std::int16_t off;
  Operand source;
};

// An atomic read-modify-write of 4 or 8 bytes at base + off. With fetch the old value goes to src (cmpxchg:
// R0).
struct Atomic {
  std::int32_t op;  // AtomicOp without kAtomicFetch, but for xchg and cmpxchg, which include it
  bool fetch;
  InsnSize size;
  Reg base;
  std::int16_t off;
  Reg src;
};

struct LoadAcquire {
  InsnSize size;
  Reg dst;
  Reg base;
  std::int16_t off;
};

struct StoreRelease {
  InsnSize size;
  Reg base;
  std::int16_t off;
  Reg src;
};

// R0 = packet bytes at imm (plus `index`), host order: LD_ABS and LD_IND.
struct LegacyLoad {
  InsnSize size;
  bool indirect;
  Reg index;
  std::int32_t offset;
};

// Distances count instruction slots from the following one.
struct Jump {
  std::int32_t distance;
  bool is_long;  // gotol
};

struct ConditionalJump {
  JmpOp op;
  Width width;
  Reg dst;
  Operand source;
  std::int16_t distance;
};

// Goes on while the program's patience lasts, jumps once it is used up.
struct MayGoto {
  std::int16_t distance;
};

struct CallHelper {
  std::int32_t number;
};

struct CallLocal {
  std::int32_t distance;
};

struct CallKfunc {
  std::int32_t btf_id;
  std::int16_t module;  // index into the fd array; 0: the kernel itself
};

struct Exit {};

using Instruction = std::variant<Alu, MoveSignExtended, Negate, SwapBytes, LoadImm64, Load, Store, Atomic,
                                 LoadAcquire, StoreRelease, LegacyLoad, Jump, ConditionalJump, MayGoto,
                                 CallHelper, CallLocal, CallKfunc, Exit>;

// Decodes the instruction at the front of `code`, which goes to the program's end. Refuses unknown opcodes,
// reserved fields that are set, bad registers and writes to R10: EINVAL with the verifier's line (kernel:
// check_alu_op, check_mem_access and the like, bpf_opcode_in_insntable). Division by a zero constant and wide
// shift counts are defined by RFC 9669 and decode; refusing them is the verifier's affair.
[[nodiscard]] Result<Instruction> decode(std::span<const Insn> code);

// One or two slots.
struct Encoded {
  std::array<Insn, 2> slots{};
  std::uint8_t count = 1;

  [[nodiscard]] std::span<const Insn> insns() const { return {slots.data(), count}; }
};

[[nodiscard]] Encoded encode(const Instruction& instruction);

[[nodiscard]] constexpr bool is_wide(const Insn& insn) {
  return insn.opcode == kLdImm64;
}

[[nodiscard]] constexpr unsigned bytes_of(InsnSize size) {
  switch (size) {
    case kB:
      return 1;
    case kH:
      return 2;
    case kW:
      return 4;
    case kDw:
      return 8;
  }
  return 0;
}

// For std::visit over the forms.
template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace netkit::bpf
