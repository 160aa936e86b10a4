// The parameters of a call, read by key. What is missing or of the wrong kind is an error that names the key.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/rpc/words.h"

namespace netkit::rpc {

using Json = nlohmann::json;

// A whole number between the bounds, a word of the table, or an array of such that are or-ed together.
// kInvalidParams otherwise.
[[nodiscard]] Result<std::int64_t> to_number(const Json& value, std::string_view key, std::int64_t least,
                                             std::int64_t most, Words words = {});

// Every key of the object is one of these, or an error names the first that is not, with the nearest that is.
[[nodiscard]] Result<> check_keys(const Json& object, std::span<const std::string_view> known);

class Params {
 public:
  // An object, which must outlive this; null: no parameters.
  explicit Params(const Json& object) : object_(&object) {}

  [[nodiscard]] const Json& object() const { return *object_; }
  // Null: absent.
  [[nodiscard]] const Json* find(std::string_view key) const;

  template <std::integral T>
  [[nodiscard]] Result<T> number(std::string_view key, Words words = {}) const {
    return static_cast<T>(TRY(bounded<T>(*TRY(required(key)), key, words)));
  }
  template <std::integral T>
  [[nodiscard]] Result<T> number_or(std::string_view key, T absent, Words words = {}) const {
    const Json* const value = find(key);
    return value != nullptr ? static_cast<T>(TRY(bounded<T>(*value, key, words))) : absent;
  }
  [[nodiscard]] Result<std::string> text(std::string_view key) const;
  [[nodiscard]] Result<std::string> text_or(std::string_view key, std::string_view absent) const;
  [[nodiscard]] Result<bool> flag(std::string_view key) const;  // absent: false

 private:
  template <std::integral T>
  static Result<std::int64_t> bounded(const Json& value, std::string_view key, Words words) {
    constexpr auto kMost = std::min<std::uint64_t>(std::numeric_limits<T>::max(), INT64_MAX);
    return to_number(value, key, std::numeric_limits<T>::min(), static_cast<std::int64_t>(kMost), words);
  }
  [[nodiscard]] Result<const Json*> required(std::string_view key) const;

  const Json* object_;
};

}  // namespace netkit::rpc
