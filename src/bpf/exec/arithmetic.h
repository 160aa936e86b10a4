// What each operation computes (RFC 9669 sections 4.1 and 4.3), for T = std::uint64_t and std::uint32_t. The
// names are those of the operation list, from which calls to these functions are generated.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace netkit::bpf::arithmetic {

template <class T>
using Signed = std::make_signed_t<T>;

template <class T>
constexpr Signed<T> as_signed(T value) {
  return static_cast<Signed<T>>(value);
}

// Counts are taken modulo the width.
template <class T>
constexpr T shift_count(T value) {
  return value & (std::numeric_limits<T>::digits - 1);
}

template <class T>
constexpr T Add(T a, T b) {
  return a + b;
}
template <class T>
constexpr T Sub(T a, T b) {
  return a - b;
}
template <class T>
constexpr T Mul(T a, T b) {
  return a * b;
}
// By zero: 0. The smallest number by -1: itself.
template <class T>
constexpr T Div(T a, T b) {
  return b == 0 ? 0 : a / b;
}
template <class T>
constexpr T SignedDiv(T a, T b) {
  if (b == 0) return 0;
  if (as_signed(b) == -1) return 0 - a;
  return static_cast<T>(as_signed(a) / as_signed(b));
}
// By zero: unchanged. By -1: 0.
template <class T>
constexpr T Mod(T a, T b) {
  return b == 0 ? a : a % b;
}
template <class T>
constexpr T SignedMod(T a, T b) {
  if (b == 0) return a;
  if (as_signed(b) == -1) return 0;
  return static_cast<T>(as_signed(a) % as_signed(b));
}
template <class T>
constexpr T Or(T a, T b) {
  return a | b;
}
template <class T>
constexpr T And(T a, T b) {
  return a & b;
}
template <class T>
constexpr T Xor(T a, T b) {
  return a ^ b;
}
template <class T>
constexpr T Lsh(T a, T b) {
  return a << shift_count(b);
}
template <class T>
constexpr T Rsh(T a, T b) {
  return a >> shift_count(b);
}
template <class T>
constexpr T Arsh(T a, T b) {
  return static_cast<T>(as_signed(a) >> shift_count(b));
}
template <class T>
constexpr T Mov(T, T b) {
  return b;
}

template <class T>
constexpr bool Jeq(T a, T b) {
  return a == b;
}
template <class T>
constexpr bool Jne(T a, T b) {
  return a != b;
}
template <class T>
constexpr bool Jgt(T a, T b) {
  return a > b;
}
template <class T>
constexpr bool Jge(T a, T b) {
  return a >= b;
}
template <class T>
constexpr bool Jlt(T a, T b) {
  return a < b;
}
template <class T>
constexpr bool Jle(T a, T b) {
  return a <= b;
}
template <class T>
constexpr bool Jset(T a, T b) {
  return (a & b) != 0;
}
template <class T>
constexpr bool Jsgt(T a, T b) {
  return as_signed(a) > as_signed(b);
}
template <class T>
constexpr bool Jsge(T a, T b) {
  return as_signed(a) >= as_signed(b);
}
template <class T>
constexpr bool Jslt(T a, T b) {
  return as_signed(a) < as_signed(b);
}
template <class T>
constexpr bool Jsle(T a, T b) {
  return as_signed(a) <= as_signed(b);
}

// `value` sign-extended to 64 bits.
template <class Narrow>
constexpr std::uint64_t extended(std::uint64_t value) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<Signed<Narrow>>(value)));
}

}  // namespace netkit::bpf::arithmetic
