// What instructions compute, stated once more and by other means than the engine's: numbers of 128 bits,
// digits and bytes one at a time. `bits` is 32 or 64; operands and results are below 2^bits.
#pragma once

#include <cstdint>

#include "bpf/isa/instruction.h"

namespace netkit::bpf::conformance {

[[nodiscard]] std::uint64_t model_alu(AluOp op, bool is_signed, unsigned bits, std::uint64_t a,
                                      std::uint64_t b);
[[nodiscard]] bool model_jump(JmpOp op, unsigned bits, std::uint64_t a, std::uint64_t b);
// The low `from` bits of `value` as a signed number, in `bits` bits.
[[nodiscard]] std::uint64_t model_sign_extend(unsigned from, unsigned bits, std::uint64_t value);
[[nodiscard]] std::uint64_t model_swap(ByteOrder order, unsigned bits, std::uint64_t value);

struct AtomicState {
  std::uint64_t memory;
  std::uint64_t src;
  std::uint64_t r0;

  friend bool operator==(const AtomicState&, const AtomicState&) = default;
};
[[nodiscard]] AtomicState model_atomic(std::int32_t op, bool fetch, unsigned bits, AtomicState before);

}  // namespace netkit::bpf::conformance
