// The interpreter's own form of a program: sixteen bytes for each instruction slot, decoded once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/object/image.h"
#include "bpf/run/program.h"
#include "bpf/run/regions.h"

namespace netkit::bpf {

// clang-format off
// The closed list of operations, from which the enum and the interpreter's jump table are made. Each binary
// and comparison name stands for four operations: 64 and 32 bits wide, with a constant (K) and a register
// (X).
#define NETKIT_BINARY_OPERATIONS(X)                          \
  X(Add) X(Sub) X(Mul) X(Div) X(SignedDiv) X(Mod) X(SignedMod) \
  X(Or) X(And) X(Xor) X(Lsh) X(Rsh) X(Arsh) X(Mov)
#define NETKIT_COMPARISONS(X) \
  X(Jeq) X(Jne) X(Jgt) X(Jge) X(Jlt) X(Jle) X(Jset) X(Jsgt) X(Jsge) X(Jslt) X(Jsle)
#define NETKIT_FOUR_FORMS(X, name) X(name##64K) X(name##64X) X(name##32K) X(name##32X)

// X(name, value type, type it is extended by)
#define NETKIT_LOADS(X)                            \
  X(Load8, std::uint8_t, std::uint8_t)             \
  X(Load16, std::uint16_t, std::uint16_t)          \
  X(Load32, std::uint32_t, std::uint32_t)          \
  X(Load64, std::uint64_t, std::uint64_t)          \
  X(LoadSigned8, std::uint8_t, std::int8_t)        \
  X(LoadSigned16, std::uint16_t, std::int16_t)     \
  X(LoadSigned32, std::uint32_t, std::int32_t)
// X(name, value type)
#define NETKIT_SIZES(X) \
  X(8, std::uint8_t) X(16, std::uint16_t) X(32, std::uint32_t) X(64, std::uint64_t)
// X(name, function of the __atomic family); each is there plain and fetching, 32 and 64 bits wide.
#define NETKIT_ATOMICS(X)       \
  X(Add, __atomic_fetch_add)    \
  X(Or, __atomic_fetch_or)      \
  X(And, __atomic_fetch_and)    \
  X(Xor, __atomic_fetch_xor)    \
  X(Xchg, __atomic_exchange_n)

#define NETKIT_OTHER_OPERATIONS(X)                                           \
  X(Neg64) X(Neg32)                                                          \
  X(MovSigned8To64) X(MovSigned16To64) X(MovSigned32To64)                    \
  X(MovSigned8To32) X(MovSigned16To32)                                       \
  X(Truncate16) X(Truncate32) X(Keep64) X(Swap16) X(Swap32) X(Swap64)        \
  X(LoadConstant) X(LegacyAbsolute) X(LegacyIndirect)                        \
  X(Jump) X(MayGoto)                                                         \
  X(Cmpxchg32) X(Cmpxchg64)                                                  \
  X(CallPlain) X(CallChecked) X(CallLookup) X(CallTail) X(CallLocal) X(CallPoisoned) \
  X(Exit) X(SecondSlot)
// clang-format on

enum class OpCode : std::uint16_t {
#define NETKIT_ENUMERATE(name) k##name,
#define NETKIT_ENUMERATE_FOUR(name) NETKIT_FOUR_FORMS(NETKIT_ENUMERATE, name)
#define NETKIT_ENUMERATE_LOAD(name, type, extended) k##name,
#define NETKIT_ENUMERATE_SIZE(bits, type) \
  kStore##bits##K, kStore##bits##X, kLoadAcquire##bits, kStoreRelease##bits,
#define NETKIT_ENUMERATE_ATOMIC(name, function) \
  kAtomic##name##32, kAtomic##name##64, kFetch##name##32, kFetch##name##64,
  NETKIT_BINARY_OPERATIONS(NETKIT_ENUMERATE_FOUR) NETKIT_COMPARISONS(NETKIT_ENUMERATE_FOUR)
      NETKIT_LOADS(NETKIT_ENUMERATE_LOAD) NETKIT_SIZES(NETKIT_ENUMERATE_SIZE)
          NETKIT_ATOMICS(NETKIT_ENUMERATE_ATOMIC) NETKIT_OTHER_OPERATIONS(NETKIT_ENUMERATE)
#undef NETKIT_ENUMERATE
#undef NETKIT_ENUMERATE_FOUR
#undef NETKIT_ENUMERATE_LOAD
#undef NETKIT_ENUMERATE_SIZE
#undef NETKIT_ENUMERATE_ATOMIC
};

struct Operation {
  OpCode code = OpCode::kSecondSlot;
  std::uint8_t dst = 0;  // of stores and atomics: the base register; of legacy loads: bytes
  std::uint8_t src = 0;
  std::int32_t off = 0;  // bytes, or for jumps and calls the distance from this operation
  // Constant, or the address of the Helper row, or for CallLookup that of the map it is expected to be about;
  // of loads and stores of registers, the address of the SkbReader or SkbWriter that does them when the base
  // register is the context (0: there is none).
  std::int64_t imm = 0;
};
static_assert(sizeof(Operation) == 16);

// What is prepared of a program; operation number = instruction number of the image.
struct InterpretedCode final : PreparedCode {
  std::vector<Operation> operations;
  std::vector<std::uint32_t> functions;  // first instruction of each function of the image, for callbacks
  std::vector<Region> globals;           // data sections, sorted by base
  std::vector<std::uint64_t> maps;       // addresses of the program's maps, sorted
};

inline constexpr std::uint32_t kMapLookup = 1;  // number of bpf_map_lookup_elem

// What a register holds that names a function: no address, so nothing can be loaded from it.
inline constexpr std::uint64_t kFunctionTag = 0xbf00'0000'0000'0000;
// What R1 to R5 hold after a call: reading them is a mistake, and nothing can be loaded from it.
inline constexpr std::uint64_t kClobbered = 0xdead'beef'dead'beef;

}  // namespace netkit::bpf
