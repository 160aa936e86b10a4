// From a typed function to a row of the helper table: each register is narrowed to the parameter's type and
// the result widened to 64 bits, as the kernel's BPF_CALL_n does. So `u32 offset` of the kernel is
// std::uint32_t here and carries the same rule.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bpf/helper/helper.h"

namespace netkit::bpf {

// The context argument: checked by the contract, says nothing that RunContext does not know.
struct ContextPointer {};

namespace detail {

template <class T>
[[nodiscard]] T from_register(std::uint64_t value) {
  if constexpr (std::same_as<T, ContextPointer>) {
    return {};
  } else if constexpr (std::is_reference_v<T>) {
    return *reinterpret_cast<std::remove_reference_t<T>*>(value);
  } else if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(value);
  } else {
    return static_cast<T>(value);
  }
}

template <class T>
[[nodiscard]] std::uint64_t to_register(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<std::uint64_t>(value);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

template <class Signature, Signature function>
struct HelperCall;

template <class R, class... Parameters, R (*function)(RunContext&, Parameters...)>
struct HelperCall<R (*)(RunContext&, Parameters...), function> {
  static_assert(sizeof...(Parameters) <= 5);

  static std::uint64_t enter(RunContext& run, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3,
                             std::uint64_t a4, std::uint64_t a5) {
    const std::uint64_t registers[] = {a1, a2, a3, a4, a5};
    return [&]<std::size_t... i>(std::index_sequence<i...>) -> std::uint64_t {
      if constexpr (std::is_void_v<R>) {
        function(run, from_register<Parameters>(registers[i])...);
        return 0;
      } else {
        return to_register(function(run, from_register<Parameters>(registers[i])...));
      }
    }(std::index_sequence_for<Parameters...>{});
  }
};

}  // namespace detail

template <auto function>
inline constexpr HelperFunction helper_call = &detail::HelperCall<decltype(function), function>::enter;

}  // namespace netkit::bpf
