// Values as bytes between the two halves of one program (engine and keeper are forks of the same image, so
// plain structs travel as they lie in memory). A struct with strings or vectors in it lists its members by an
// overload of members(); reading checks every length.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace netkit::host {

template <class T, class Is>
concept Maybe = std::same_as<std::remove_const_t<T>, Is>;  // T or const T

auto members(Maybe<Error> auto& error) {
  return std::tie(error.code, error.text, error.details);
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

class Encoder {
 public:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      put_bytes(value.data(), value.size());
    } else if constexpr (is_vector<T>) {
      put(static_cast<std::uint32_t>(value.size()));
      for (const auto& item : value) put(item);
    } else if constexpr (std::is_trivially_copyable_v<T>) {
      append(&value, sizeof value);
    } else if constexpr (is_optional<T>) {
      put(value.has_value());
      if (value) put(*value);
    } else {
      std::apply([&](const auto&... member) { (put(member), ...); }, members(value));
    }
  }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  void put_bytes(const void* data, std::size_t size) {
    put(static_cast<std::uint32_t>(size));
    append(data, size);
  }
  void append(const void* data, std::size_t size) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  std::vector<std::uint8_t> bytes_;
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  // False once anything did not fit; the value is then unspecified, but valid.
  template <class T>
  [[nodiscard]] bool get(T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      std::uint32_t size = 0;
      if (!get(size) || size > rest_.size()) return false;
      value.assign(reinterpret_cast<const char*>(rest_.data()), size);
      rest_ = rest_.subspan(size);
      return true;
    } else if constexpr (is_vector<T>) {
      std::uint32_t size = 0;
      if (!get(size) || size > rest_.size()) return false;
      value.resize(size);
      for (auto& item : value) {
        if (!get(item)) return false;
      }
      return true;
    } else if constexpr (std::is_trivially_copyable_v<T>) {
      if (sizeof value > rest_.size()) return false;
      std::memcpy(static_cast<void*>(&value), rest_.data(), sizeof value);
      rest_ = rest_.subspan(sizeof value);
      return true;
    } else if constexpr (is_optional<T>) {
      std::uint8_t present = 0;
      if (!get(present)) return false;
      value.reset();
      return present == 0 || get(value.emplace());
    } else {
      return std::apply([&](auto&... member) { return (get(member) && ...); }, members(value));
    }
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace netkit::host
