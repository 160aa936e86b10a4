#include "tests/conformance/isa/model.h"

#include <algorithm>
#include <array>

namespace netkit::bpf::conformance {
namespace {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

UnsignedWide modulus(unsigned bits) {
  return UnsignedWide{1} << bits;
}

std::uint64_t reduced(Wide value, unsigned bits) {
  const Wide m = static_cast<Wide>(modulus(bits));
  return static_cast<std::uint64_t>(((value % m) + m) % m);
}

// The number that a bit pattern stands for in two's complement.
Wide as_signed(std::uint64_t value, unsigned bits) {
  const Wide half = static_cast<Wide>(modulus(bits - 1));
  return Wide{value} >= half ? Wide{value} - 2 * half : Wide{value};
}

struct Division {
  std::uint64_t quotient = 0;
  std::uint64_t remainder = 0;
};

// Long division, a binary digit at a time; b is not zero.
Division divide(std::uint64_t a, std::uint64_t b, unsigned bits) {
  Division result;
  UnsignedWide rest = 0;
  for (unsigned digit = bits; digit-- > 0;) {
    rest = rest * 2 + ((a >> digit) & 1U);
    result.quotient *= 2;
    if (rest >= b) {
      rest -= b;
      result.quotient += 1;
    }
  }
  result.remainder = static_cast<std::uint64_t>(rest);
  return result;
}

std::uint64_t magnitude(Wide value) {
  return static_cast<std::uint64_t>(value < 0 ? -value : value);
}

std::uint64_t divide_signed(AluOp op, unsigned bits, std::uint64_t a, std::uint64_t b) {
  const Wide x = as_signed(a, bits);
  const Wide y = as_signed(b, bits);
  const Division division = divide(magnitude(x), magnitude(y), 64);
  // Truncated: the quotient is negative when the signs differ, the remainder has the sign of the dividend.
  if (op == kDiv)
    return reduced((x < 0) != (y < 0) ? -Wide{division.quotient} : Wide{division.quotient}, bits);
  return reduced(x < 0 ? -Wide{division.remainder} : Wide{division.remainder}, bits);
}

std::uint64_t bit_by_bit(AluOp op, unsigned bits, std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const bool x = ((a >> bit) & 1U) != 0;
    const bool y = ((b >> bit) & 1U) != 0;
    const bool one = op == kAnd ? x && y : op == kOr ? x || y : x != y;
    if (one) result |= std::uint64_t{1} << bit;
  }
  return result;
}

// Half of it, towards minus infinity.
Wide halved(Wide value) {
  return value >= 0 ? value / 2 : -((-value + 1) / 2);
}

std::uint64_t shift(AluOp op, unsigned bits, std::uint64_t a, std::uint64_t b) {
  Wide value = op == kArsh ? as_signed(a, bits) : Wide{a};
  for (std::uint64_t count = b % bits; count > 0; --count)
    value = op == kLsh ? Wide{reduced(value * 2, bits)} : halved(value);
  return reduced(value, bits);
}

}  // namespace

std::uint64_t model_alu(AluOp op, bool is_signed, unsigned bits, std::uint64_t a, std::uint64_t b) {
  switch (op) {
    case kAdd:
      return reduced(Wide{a} + Wide{b}, bits);
    case kSub:
      return reduced(Wide{a} - Wide{b}, bits);
    case kMul:
      return static_cast<std::uint64_t>(UnsignedWide{a} * UnsignedWide{b} % modulus(bits));
    case kDiv:
      if (b == 0) return 0;
      return is_signed ? divide_signed(op, bits, a, b) : divide(a, b, bits).quotient;
    case kMod:
      if (b == 0) return a;
      return is_signed ? divide_signed(op, bits, a, b) : divide(a, b, bits).remainder;
    case kOr:
    case kAnd:
    case kXor:
      return bit_by_bit(op, bits, a, b);
    case kLsh:
    case kRsh:
    case kArsh:
      return shift(op, bits, a, b);
    case kMov:
      return b;
    case kNeg:
      return reduced(-Wide{a}, bits);
    case kEnd:
      break;
  }
  return 0;
}

bool model_jump(JmpOp op, unsigned bits, std::uint64_t a, std::uint64_t b) {
  const Wide x = as_signed(a, bits);
  const Wide y = as_signed(b, bits);
  switch (op) {
    case kJeq:
      return !(a < b) && !(b < a);
    case kJne:
      return a < b || b < a;
    case kJgt:
      return Wide{a} - Wide{b} > 0;
    case kJge:
      return Wide{a} - Wide{b} >= 0;
    case kJlt:
      return Wide{a} - Wide{b} < 0;
    case kJle:
      return Wide{a} - Wide{b} <= 0;
    case kJset:
      return bit_by_bit(kAnd, bits, a, b) > 0;
    case kJsgt:
      return x - y > 0;
    case kJsge:
      return x - y >= 0;
    case kJslt:
      return x - y < 0;
    case kJsle:
      return x - y <= 0;
    case kJa:
    case kCall:
    case kExit:
    case kJcond:
      break;
  }
  return false;
}

std::uint64_t model_sign_extend(unsigned from, unsigned bits, std::uint64_t value) {
  return reduced(as_signed(reduced(Wide{value}, from), from), bits);
}

std::uint64_t model_swap(ByteOrder order, unsigned bits, std::uint64_t value) {
  std::array<std::uint64_t, 8> digits{};  // the lowest byte first
  for (std::uint64_t& digit : digits) {
    digit = value % 256;
    value /= 256;
  }
  const auto end = digits.begin() + bits / 8;
  if (order != ByteOrder::kToLittle) std::reverse(digits.begin(), end);
  std::fill(end, digits.end(), 0);
  std::uint64_t result = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) result = result * 256 + *digit;
  return result;
}

AtomicState model_atomic(std::int32_t op, bool fetch, unsigned bits, AtomicState before) {
  AtomicState after = before;
  const std::uint64_t old = reduced(Wide{before.memory}, bits);
  const std::uint64_t src = reduced(Wide{before.src}, bits);
  std::uint64_t stored = old;
  switch (op) {
    case kAtomicAdd:
      stored = reduced(Wide{old} + Wide{src}, bits);
      break;
    case kAtomicOr:
      stored = bit_by_bit(kOr, bits, old, src);
      break;
    case kAtomicAnd:
      stored = bit_by_bit(kAnd, bits, old, src);
      break;
    case kAtomicXor:
      stored = bit_by_bit(kXor, bits, old, src);
      break;
    case kAtomicXchg:
      stored = src;
      break;
    default:
      stored = old == reduced(Wide{before.r0}, bits) ? src : old;
      break;  // cmpxchg
  }
  after.memory = before.memory - old + stored;  // what is above `bits` stays
  if (op == kAtomicCmpxchg) {
    after.r0 = old;
  } else if (fetch) {
    after.src = old;
  }
  return after;
}

}  // namespace netkit::bpf::conformance
