// The BPF instruction (RFC 9669 section 3): eight bytes, and the constants of its opcode.
#pragma once

#include <cstdint>

namespace netkit::bpf {

struct Insn {
  std::uint8_t opcode = 0;
  std::uint8_t dst : 4 = 0;
  std::uint8_t src : 4 = 0;
  std::int16_t off = 0;
  std::int32_t imm = 0;

  friend bool operator==(const Insn&, const Insn&) = default;
};
static_assert(sizeof(Insn) == 8);

// Bits 0-2: class.
enum InsnClass : std::uint8_t {
  kLd = 0,
  kLdx = 1,
  kSt = 2,
  kStx = 3,
  kAlu = 4,
  kJmp = 5,
  kJmp32 = 6,
  kAlu64 = 7
};
// Bits 3-4 of loads and stores: size.
enum InsnSize : std::uint8_t { kW = 0x00, kH = 0x08, kB = 0x10, kDw = 0x18 };
// Bits 5-7 of loads and stores: mode.
enum InsnMode : std::uint8_t {
  kModeImm = 0x00,
  kModeAbs = 0x20,
  kModeInd = 0x40,
  kModeMem = 0x60,
  kModeMemsx = 0x80,
  kModeAtomic = 0xc0
};
// Bit 3 of ALU and jump classes: second operand.
enum InsnSource : std::uint8_t { kK = 0x00, kX = 0x08 };
// Bits 4-7 of ALU classes.
enum AluOp : std::uint8_t {
  kAdd = 0x00,
  kSub = 0x10,
  kMul = 0x20,
  kDiv = 0x30,
  kOr = 0x40,
  kAnd = 0x50,
  kLsh = 0x60,
  kRsh = 0x70,
  kNeg = 0x80,
  kMod = 0x90,
  kXor = 0xa0,
  kMov = 0xb0,
  kArsh = 0xc0,
  kEnd = 0xd0,
};
// Bits 4-7 of jump classes.
enum JmpOp : std::uint8_t {
  kJa = 0x00,
  kJeq = 0x10,
  kJgt = 0x20,
  kJge = 0x30,
  kJset = 0x40,
  kJne = 0x50,
  kJsgt = 0x60,
  kJsge = 0x70,
  kCall = 0x80,
  kExit = 0x90,
  kJlt = 0xa0,
  kJle = 0xb0,
  kJslt = 0xc0,
  kJsle = 0xd0,
  kJcond = 0xe0,
};
// imm of atomic instructions; kFetch is a modifier.
enum AtomicOp : std::int32_t {
  kAtomicAdd = 0x00,
  kAtomicOr = 0x40,
  kAtomicAnd = 0x50,
  kAtomicXor = 0xa0,
  kAtomicFetch = 0x01,
  kAtomicXchg = 0xe1,
  kAtomicCmpxchg = 0xf1,
  kAtomicLoadAcquire = 0x100,
  kAtomicStoreRelease = 0x110,
};
// src of ld_imm64.
enum PseudoLoad : std::uint8_t {
  kImm64 = 0,
  kMapFd = 1,
  kMapValue = 2,
  kKernelVariable = 3,
  kFunction = 4,
  kMapIndex = 5,
  kMapIndexValue = 6,
};
// src of a call.
enum PseudoCall : std::uint8_t { kCallHelper = 0, kCallLocal = 1, kCallKfunc = 2 };

inline constexpr std::uint8_t kLdImm64 = 0x18;         // kLd | kModeImm | kDw
inline constexpr std::uint8_t kCallImm = 0x85;         // kJmp | kCall | kK
inline constexpr std::uint32_t kStackSize = 512;       // bytes of a frame
inline constexpr std::uint32_t kMaxCallDepth = 16;     // frames of a call chain of one program (kernel 7.3)
// Frames of a run: a function may tail-call a program, which calls functions of its own in its place.
inline constexpr std::uint32_t kMaxFrames = 128;
inline constexpr std::uint32_t kMaxTailCalls = 33;     // MAX_TAIL_CALL_CNT
inline constexpr std::uint32_t kMaxInsns = 1'000'000;  // of one program
// imm of the call that a CO-RE relocation without a target is replaced by.
inline constexpr std::int32_t kPoisonedCall = 195896080;

[[nodiscard]] constexpr std::uint8_t insn_class(std::uint8_t opcode) {
  return opcode & 0x07;
}

}  // namespace netkit::bpf
