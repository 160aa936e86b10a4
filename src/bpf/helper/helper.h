// Helper functions of programs: one constexpr table row each, holding number, name, contract and function.
// The contract is data: the interpreter enforces it at every call, the verifier and the compiler read it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bpf/run/context.h"

namespace netkit::bpf {

// What an argument must be (enum bpf_arg_type, as far as SCHED_CLS helpers need it).
enum class Arg : std::uint8_t {
  kNone,         // the helper has fewer arguments
  kAnything,     // any number
  kContext,      // the run's own context pointer
  kMap,          // a map that the program names
  kMapKey,       // readable memory of the map's key size; packet memory allowed
  kMapValue,     // readable memory of the map's value size; packet memory allowed
  kMapValueOut,  // writable memory of the map's value size
  kMem,          // readable memory, its size is the next argument (never zero)
  kMemOrNull,    // the same, or a null pointer with size zero
  kPacketMem,    // as kMem, packet memory allowed
  kPacketMemOrNull,
  kOutMem,         // writable memory, may be uninitialised; its size is the next argument (never zero)
  kInOutMem,       // readable and writable memory; its size is the next argument (never zero)
  kOutMemOrNull,   // the same, or a null pointer with size zero
  kSize,           // size of the memory argument before it, > 0
  kSizeOrZero,     // the same, >= 0
  kFunction,       // a function of the program
  kStackOrNull,    // context of a callback: memory on the stack or null
  kConstString,    // zero-terminated string in read-only map memory
  kLongOut,        // pointer to 8 writable bytes
  kIntOut,         // pointer to 4 writable bytes
  kValueMem,       // writable memory of a map value; its size is the next argument
  kBuffer,         // writable memory, or null whatever the size is; its size is the next argument
  kDynptr,         // struct bpf_dynptr on the stack, made by a function before
  kDynptrOut,      // 16 bytes of stack that become one
  kContextOrNull,  // the run's own context pointer, or null
  kSocket,         // what a socket lookup, the context's sk or a cast gave
  kSocketOrNull,   // the same, or null
  kIpv4Header,     // 20 readable bytes; packet memory allowed
  kIpv6Header,     // 40 readable bytes; packet memory allowed
  kTcpHeader,      // 20 readable bytes; packet memory allowed
  kIterNum,        // struct bpf_iter_num, 8 bytes on the stack
  kIterBits,       // struct bpf_iter_bits, 16 bytes on the stack
  kIrqFlags,       // 8 bytes on the stack for the saved state of interrupts
  kSpinLock,       // the struct bpf_spin_lock of a map value
  kTimer,          // the struct bpf_timer of a map value
  kReservation,    // a record of a ring buffer that the run has reserved
};

enum class Return : std::uint8_t {
  kInteger,
  kVoid,
  kMapValueOrNull,  // becomes a region of the run
  kMemoryOrNull,
  kSocketOrNull,      // a full socket; becomes a region of the run
  kSockCommonOrNull,  // a socket in any state; the same
  kTcpSocketOrNull,   // struct bpf_tcp_sock; the same
};

// Bits of Contract::effects.
enum Effect : std::uint16_t {
  kNoEffect = 0,
  kChangesPacket = 1,  // packet pointers of the program are invalid afterwards
  kGplOnly = 2,
  kAcquires = 4,  // returns a reference that must be released
  kReleases = 8,
  kTailCall = 16,
  kNeedsPerfmon = 32,
  kWritesMap = 64,  // changes what the map of its first argument holds
};

struct Contract {
  std::array<Arg, 5> arguments{};
  Return result = Return::kInteger;
  std::uint16_t effects = kNoEffect;
};

// Arguments arrive checked by the contract: pointers are valid for what it says, sizes are in range.
using HelperFunction = std::uint64_t (*)(RunContext& run, std::uint64_t a1, std::uint64_t a2,
                                         std::uint64_t a3, std::uint64_t a4, std::uint64_t a5);

// Linux numbers its helpers from 1 to this.
inline constexpr std::uint32_t kKernelHelpers = 211;

struct Helper {
  std::uint32_t number = 0;  // 0: a kfunc, which has none (kfunc.h)
  std::string_view name;     // the kernel's; of a helper without "bpf_"
  Contract contract;
  HelperFunction function = nullptr;
};

// As C programs write it: "bpf_redirect".
[[nodiscard]] std::string c_name(const Helper& helper);

// Why a helper of the kernel that we lack is not there ("describes a task"); empty: it is none that programs
// of this type may call.
[[nodiscard]] std::string_view refused_helper(std::uint32_t number);

// The helper with that number, or null when we do not have it.
[[nodiscard]] const Helper* find_helper(std::uint32_t number);
// All that we have, by rising number.
[[nodiscard]] std::span<const Helper* const> all_helpers();
// The name of any helper number that the kernel knows ("get_stackid"), also of those we lack; empty if
// unknown.
[[nodiscard]] std::string_view kernel_helper_name(std::uint32_t number);

}  // namespace netkit::bpf
