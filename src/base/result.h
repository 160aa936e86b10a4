// The one error type of the project and the value-or-error that carries it.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace netkit {

// What went wrong: a positive errno that callers can test, one line for people (what, where, remedy) and,
// where there is more to say, details of any length. Control operations carry the kernel's errno for the
// kernel's reason; their text is the kernel's extended message word for word, or empty where it has none.
struct Error {
  int code = 0;
  std::string text;
  std::string details;

  friend bool operator==(const Error&, const Error&) = default;
};

template <class T = void>
using Result = std::expected<T, Error>;

using Failure = std::unexpected<Error>;

// An error with a code and a text of our own.
[[nodiscard]] Failure fail(int code, std::string text = {}, std::string details = {});

// An error from the present errno: "<what>: <strerror>".
[[nodiscard]] Failure fail_errno(std::string_view what);

// The symbolic name of a positive errno ("EINVAL"), or "E<number>" for one without a name.
[[nodiscard]] std::string errno_name(int code);

// What it means ("File exists").
[[nodiscard]] std::string errno_text(int code);

// "text (EINVAL)", or only the name when there is no text.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace netkit

// Yields the value of a Result expression, or returns its error from the enclosing function. The variable has
// a name of its own each time, so that one TRY can stand inside another.
#define TRY(...) NETKIT_TRY_AS(NETKIT_TRY_NAME(__COUNTER__), __VA_ARGS__)
#define NETKIT_TRY_NAME(number) NETKIT_TRY_JOIN(netkit_try_, number)
#define NETKIT_TRY_JOIN(a, b) a##b
#define NETKIT_TRY_AS(name, ...)                         \
  __extension__({                                        \
    auto name = (__VA_ARGS__);                           \
    if (!name) [[unlikely]]                              \
      return ::std::unexpected(std::move(name).error()); \
    ::netkit::detail::unwrap(std::move(name));           \
  })

namespace netkit::detail {
template <class T>
T unwrap(Result<T>&& result) {
  return *std::move(result);
}
inline void unwrap(Result<void>&&) {}
}  // namespace netkit::detail
