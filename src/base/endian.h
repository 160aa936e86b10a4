// Big-endian ("network order") numbers as types of their own: a forgotten swap does not compile.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace netkit {

template <std::unsigned_integral T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  // From a number in host order.
  constexpr explicit BigEndian(T host) : raw_(swap(host)) {}
  // From the bytes as they stand in memory (a register that was loaded from a packet).
  static constexpr BigEndian from_raw(T raw) {
    BigEndian value;
    value.raw_ = raw;
    return value;
  }

  [[nodiscard]] constexpr T host() const { return swap(raw_); }
  // As it stands in memory.
  [[nodiscard]] constexpr T raw() const { return raw_; }

  friend constexpr bool operator==(BigEndian, BigEndian) = default;
  friend constexpr auto operator<=>(BigEndian a, BigEndian b) { return a.host() <=> b.host(); }

 private:
  static constexpr T swap(T value) {
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
  }
  T raw_ = 0;
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;
using Be64 = BigEndian<std::uint64_t>;

// Loads and stores of any trivially copyable value at an unaligned address.
template <class T>
[[nodiscard]] T load_unaligned(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
template <class T>
void store_unaligned(void* at, const T& value) {
  std::memcpy(at, &value, sizeof value);
}

}  // namespace netkit
